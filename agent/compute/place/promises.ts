/** Room that this agent has just placed servers in, kept until the host's own vitals tell of it. */
import type { Members } from '../../membership/port.ts';
import type { Clock } from '../../runtime/ports.ts';
import type { Room } from '../claims.ts';
import type { Promised } from './place.ts';

/** Vitals go out at least every 30 s: after that they have told of it, or the host is gone. */
const promiseKeptMs = 30_000;

export interface Promises {
  add(hostId: string, room: Room): void;
  current(): Promised;
}

export const openPromises = (parts: { readonly clock: Clock; readonly members: Members }): Promises => {
  let made: { hostId: string; room: Room; atMs: number }[] = [];
  return {
    add: (hostId, room) => void made.push({ hostId, room, atMs: parts.clock.wallMs() }),
    current() {
      const nowMs = parts.clock.wallMs();
      const toldAtMs = new Map(
        parts.members.list().map(({ hostId, vitals }) => [hostId as string, vitals?.atMs ?? 0]),
      );
      // Both times are wall times of two hosts: skew counts some room twice or not at all, which the claim sets right.
      made = made.filter(
        ({ hostId, atMs }) => nowMs - atMs < promiseKeptMs && atMs >= (toldAtMs.get(hostId) ?? 0),
      );
      const sums = new Map<string, Room>();
      for (const { hostId, room } of made) {
        const sum = sums.get(hostId);
        sums.set(hostId, {
          vcpus: room.vcpus + (sum?.vcpus ?? 0),
          memoryMiB: room.memoryMiB + (sum?.memoryMiB ?? 0),
          diskGiB: room.diskGiB + (sum?.diskGiB ?? 0),
        });
      }
      return sums;
    },
  };
};
