/** Just enough SVG, as text. Values are escaped. */
export type Attributes = Readonly<Record<string, string | number>>;

const escapeText = (text: string): string =>
  text.replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]!);

/** `children` are finished elements. */
export function element(name: string, attributes: Attributes, ...children: string[]): string {
  const words = Object.entries(attributes).map(([key, value]) => ` ${key}="${escapeText(round(value))}"`);
  return children.length > 0
    ? `<${name}${words.join("")}>${children.join("")}</${name}>`
    : `<${name}${words.join("")}/>`;
}

export const text = (words: string, x: number, y: number, attributes: Attributes = {}): string =>
  element("text", { x, y, ...attributes }, escapeText(words));

/** A whole picture that reads on light and dark pages alike. */
export function picture(width: number, height: number, title: string, ...children: string[]): string {
  const head = { xmlns: "http://www.w3.org/2000/svg", width, height, viewBox: `0 0 ${width} ${height}`, role: "img" };
  const style = "text{font:12px system-ui,sans-serif;fill:#333}.title{font-weight:600;font-size:14px}.soft{fill:#777}";
  const ground = element("rect", { width, height, fill: "#fff" });
  return `${element("svg", { ...head, "aria-label": title }, element("style", {}, style), ground, ...children)}\n`;
}

const round = (value: string | number): string =>
  typeof value === "number" ? String(Math.round(value * 100) / 100) : value;
