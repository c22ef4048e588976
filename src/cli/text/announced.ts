import type { AnnouncedRow } from "../../view/model.ts";
import type { Cell, Column } from "./table.ts";

/** `peerage announced`: what we originate, by whom. */
export const announcedColumns: readonly Column[] = [{ title: "Prefix" }, { title: "By" }, { title: "State" }];

export const announcedCells = ({ prefix, by, active, reason }: AnnouncedRow): readonly (readonly Cell[])[] => [
  [prefix, by, active ? "active" : `held back: ${reason ?? ""}`],
];
