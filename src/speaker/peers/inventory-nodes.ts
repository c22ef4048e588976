import { nodesByAddress } from "../../config/inventory.ts";
import type { Inventory, InventoryNode } from "../../config/model.ts";

/** Addresses that are remembered of nodes that are gone; the oldest are forgotten. */
const MOST_GONE = 10_000;

/**
 * The nodes of the inventory by address, and those that it had and has no longer. Whoever was taken out of it is gone, whatever range its
 * address lies in: it may come back when it is listed again, or when there is no inventory to say who belongs here.
 */
export class InventoryNodes {
  #nodes: ReadonlyMap<string, InventoryNode> = new Map();
  readonly #gone = new Set<string>();

  adopt(inventory: Inventory | null): void {
    const before = this.#nodes;
    this.#nodes = nodesByAddress(inventory);
    if (inventory === null) this.#gone.clear();
    else for (const address of before.keys()) if (!this.#nodes.has(address)) this.#gone.add(address);
    for (const address of this.#nodes.keys()) this.#gone.delete(address);
    for (const oldest of this.#gone) {
      if (this.#gone.size <= MOST_GONE) break;
      this.#gone.delete(oldest);
    }
  }

  /** The node of a peer's address, which may have a zone. */
  of(address: string): InventoryNode | undefined {
    return this.#nodes.get(bare(address));
  }

  /** Whether the inventory had a node of that address and has it no longer. */
  isGone(address: string): boolean {
    return this.#gone.has(bare(address));
  }
}

const bare = (address: string): string => address.split("%")[0]!;
