/**
 * Tokens that were taken back one by one (`DELETE /v3/auth/tokens`). A row each, read when a token is first seen
 * here and again every few seconds, so a host that was down learns of it before it serves that token; gossip says
 * it at once to those who know the token already. (All tokens of a user end by their generation, see token.ts.)
 *
 * Rows are kept by the hour in which the token expires anyway, in 16 parts: whole hours can be swept away later
 * without a list of them.
 */
import { hourMs } from '../../proto/units.ts';
import type { Clock } from '../runtime/ports.ts';
import type { Rows, Tables } from '../table/port.ts';
import { expiredWindowMs, pageRowsMax } from './limits.ts';

export interface Revocations {
  isRevoked(auditId: string, expiresAtMs: number): Promise<boolean>;
  /** Durable when it resolves. */
  revoke(auditId: string, expiresAtMs: number): Promise<void>;
  /** Deletes what nobody may ask for any more. Any host may, at any time. */
  sweep(): Promise<void>;
}

const partsPerHour = 16;
/** Swept again each time, for hosts that were down longer than a sweep period. */
const sweptHours = 3;

const partKey = (hour: number, part: number): string => `${hour}/${part}`;
const hourOf = (atMs: number): number => Math.floor(atMs / hourMs);
const partOf = (auditId: string): number => (auditId.codePointAt(0) ?? 0) % partsPerHour;

export const openRevocations = ({
  tables,
  clock,
}: {
  readonly tables: Tables;
  readonly clock: Clock;
}): Revocations => {
  const rows: Rows<{ readonly expiresAtMs: number }> = tables.rows({ name: 'identity.revoked' });
  const keyOf = (auditId: string, expiresAtMs: number): string =>
    partKey(hourOf(expiresAtMs), partOf(auditId));
  return {
    isRevoked: async (auditId, expiresAtMs) =>
      (await rows.get(keyOf(auditId, expiresAtMs), auditId)) !== undefined,
    revoke: (auditId, expiresAtMs) => rows.put(keyOf(auditId, expiresAtMs), auditId, { expiresAtMs }),
    async sweep() {
      // `allow_expired` shall not bring a revoked token back to life; one hour more, as clocks differ.
      const last = hourOf(clock.wallMs() - expiredWindowMs) - 1;
      for (let hour = last - sweptHours; hour < last; hour += 1)
        for (let part = 0; part < partsPerHour; part += 1)
          for (let more = true; more; ) {
            const page = await rows.range(partKey(hour, part), { limit: pageRowsMax });
            for (const { sortKey } of page.entries) await rows.delete(partKey(hour, part), sortKey);
            more = page.more;
          }
    },
  };
};
