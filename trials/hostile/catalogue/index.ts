import type { HostileCase } from "../case.ts";
import { as4, attributeFaults, attributeSections, attributeValues } from "./attributes.ts";
import { header } from "./header.ts";
import { nlri } from "./nlri.ts";
import { opens } from "./open.ts";
import { session } from "./session.ts";
import { sizes } from "./size.ts";
import { tcp } from "./tcp.ts";

/** Every hostile case, in the order of the table. */
export const catalogue: readonly HostileCase[] = [
  ...header,
  ...opens,
  ...session,
  ...attributeFaults,
  ...attributeValues,
  ...attributeSections,
  ...as4,
  ...nlri,
  ...sizes,
  ...tcp,
];
