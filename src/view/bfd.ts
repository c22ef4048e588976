import { SessionState } from "../bfd/packet.ts";
import type { BfdRow as Watched } from "../speaker/peers/bfd-watch.ts";
import { diagnosticText } from "../speaker/peers/bfd-watch.ts";
import type { SpeakerState } from "../speaker/speaker-state.ts";
import type { BfdRow, BfdState } from "./model.ts";

const names: Readonly<Record<SessionState, BfdState>> = {
  [SessionState.AdminDown]: "AdminDown",
  [SessionState.Down]: "Down",
  [SessionState.Init]: "Init",
  [SessionState.Up]: "Up",
};

export const bfdState = (state: SessionState | null): BfdState | null => (state === null ? null : names[state]);

/** The BFD sessions, or that of one neighbor, by address. */
export function bfdRows(speaker: SpeakerState, address?: string): BfdRow[] {
  const rows: BfdRow[] = [];
  for (const watched of speaker.bfd?.rows() ?? [])
    if (address === undefined || watched.peer.address === address) rows.push(bfdRow(watched, speaker.clock.wallTime()));
  return rows;
}

/** Nothing was told of it yet: it has just begun. */
const unknown = { state: 1, remoteState: 1, diagnostic: 0, localDiscriminator: 0, remoteDiscriminator: 0 } as const;

function bfdRow({ peer, status }: Watched, now: number): BfdRow {
  const { state, remoteState, diagnostic, localDiscriminator, remoteDiscriminator } = status ?? unknown;
  const upSince = status?.upSince ?? null;
  return {
    address: peer.address,
    interface: peer.address.split("%")[1] ?? null,
    state: names[state],
    remoteState: names[remoteState],
    diagnostic: diagnosticText(diagnostic) || null,
    localDiscriminator,
    remoteDiscriminator,
    transmitMs: Math.round(status?.transmit ?? 0),
    receiveMs: Math.round(status?.receive ?? 0),
    detectMs: Math.round(status?.detect ?? 0),
    multiplier: status?.multiplier ?? 0,
    uptimeSeconds: upSince === null ? null : Math.max(0, Math.floor((now - upSince) / 1000)),
    downs: status?.downs ?? 0,
    multihop: status?.multihop ?? false,
  };
}
