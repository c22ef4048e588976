import { TruncatedError } from "../lib/bytes.ts";
import { NotificationError } from "../wire/errors.ts";
import { decodeBgp4mp, decodeOldBgp } from "./bgp4mp.ts";
import { RecordCutter } from "./cutter.ts";
import { MrtError, type MrtFault, type MrtItem, type MrtPeer, MrtType, type RawRecord, TableDumpV2 } from "./record.ts";
import { decodePeerIndex, decodeRib, decodeTableDump } from "./table-dump.ts";

/** What a reader finds. */
export interface MrtSink {
  item(item: MrtItem): void;
  /** A record that can't be read; those behind it can. */
  fault(fault: MrtFault): void;
}

const otherTypes: Readonly<Record<number, string>> = {
  0: "NULL",
  1: "START",
  2: "DIE",
  3: "I_AM_DEAD",
  4: "PEER_DOWN",
  6: "RIP",
  7: "IDRP",
  8: "RIPNG",
  11: "OSPFv2",
  32: "ISIS",
  33: "ISIS_ET",
  48: "OSPFv3",
  49: "OSPFv3_ET",
};

/** Reads a file (RFC 6396 §2-§4) as it comes. Never throws, whatever is in it: damage is told by its place, and what can be read behind it is. */
export class MrtReader {
  readonly #sink: MrtSink;
  readonly #cutter: RecordCutter;
  #peers: readonly MrtPeer[] | null = null;

  constructor(sink: MrtSink) {
    this.#sink = sink;
    this.#cutter = new RecordCutter((record) => this.#record(record));
  }

  /** Why nothing more can be read of this file; null: it can. */
  get stopped(): MrtFault | null {
    return this.#cutter.fault;
  }

  push(chunk: Uint8Array): void {
    this.#cutter.push(chunk);
  }

  /** The file is over: `stopped` tells if that is inside a record. */
  end(): void {
    this.#cutter.end();
  }

  #record(record: RawRecord): void {
    try {
      this.#sink.item(this.#decode(record));
    } catch (error) {
      if (error instanceof MrtError) this.#fault(record, error.message, error.at);
      else if (error instanceof TruncatedError)
        this.#fault(record, `the record ends too early: ${error.message}`, null);
      else if (error instanceof NotificationError) this.#fault(record, error.message, null);
      else throw error;
    }
  }

  #fault(record: RawRecord, text: string, at: number | null): void {
    // The header, and what comes before the place in the record.
    const inside = at === null ? 0 : 12 + at - record.start;
    this.#sink.fault({ offset: record.offset + inside, text });
  }

  #decode(record: RawRecord): MrtItem {
    switch (record.type) {
      case MrtType.TableDump:
        return decodeTableDump(record);
      case MrtType.TableDumpV2: {
        if (record.subtype !== TableDumpV2.PeerIndexTable) return decodeRib(record, this.#peers);
        this.#peers = null;
        const index = decodePeerIndex(record);
        this.#peers = index.peers;
        return index;
      }
      case MrtType.Bgp4mp:
      case MrtType.Bgp4mpEt:
        return decodeBgp4mp(record);
      case MrtType.Bgp:
      case MrtType.Bgp4Plus:
      case MrtType.Bgp4Plus01:
        return decodeOldBgp(record);
      default: {
        const name = otherTypes[record.type] ?? `type ${record.type}`;
        return { kind: "other", seconds: record.seconds, microseconds: 0, what: `${name}, subtype ${record.subtype}` };
      }
    }
  }
}
