import { readFileSync, writeFileSync } from "node:fs";
import { insertReference } from "./reference.ts";

/** Brings `docs/configuration.md` up to date with the schema: `node dist/src/config/write-reference.js`. */
const page = "docs/configuration.md";
writeFileSync(page, insertReference(readFileSync(page, "utf8")));
