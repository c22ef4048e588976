import { isIP } from "node:net";

/**
 * Whether a request's Host names this server in a way that no foreign web page can (DNS rebinding: a page of evil.example whose name
 * suddenly resolves to 127.0.0.1): an IP literal, `localhost`, or one of `names`. HTTP/1.0 may do without; a browser never does.
 */
export function isOwnHost(host: string | undefined, names: readonly string[]): boolean {
  if (host === undefined || host === "") return true;
  const [, bracketed, plain] = /^(?:\[([^\]]*)\]|([^:]*))(?::\d*)?$/.exec(host) ?? [];
  if (bracketed !== undefined) return isIP(bracketed.split("%")[0]!) === 6;
  if (plain === undefined) return false;
  const name = plain.toLowerCase().replace(/\.$/, "");
  return isIP(name) === 4 || name === "localhost" || names.some((own) => own.toLowerCase() === name);
}

/** The names of a host by what it calls itself: `node7.example.net` is `node7`, too. */
export const namesOfHost = (hostName: string): string[] => [...new Set([hostName, hostName.split(".")[0]!])];
