/**
 * Locks an account for a while after wrong passwords in a row. Off by default, as in Keystone: whoever knows a
 * user's name could lock that user out. One register per user who failed, none for the others.
 */
import { secondMs } from '../../proto/units.ts';
import type { Clock } from '../runtime/ports.ts';
import type { Registers, Tables } from '../table/port.ts';

interface Failures {
  readonly count: number;
  readonly lastAtMs: number;
}

export interface Lockout {
  isLocked(userId: string): Promise<boolean>;
  failed(userId: string): Promise<void>;
  /** Also when the user is deleted. */
  clear(userId: string): Promise<void>;
}

/** `failures` 0: off. `seconds` 0: until an admin sets a new password. */
export const openLockout = (
  { tables, clock }: { readonly tables: Tables; readonly clock: Clock },
  settings: { readonly failures: number; readonly seconds: number },
): Lockout => {
  const rows: Registers<Failures> = tables.registers({ name: 'identity.lockout' });
  const isOver = ({ lastAtMs }: Failures): boolean =>
    settings.seconds > 0 && clock.wallMs() >= lastAtMs + settings.seconds * secondMs;
  return {
    async isLocked(userId) {
      if (settings.failures === 0) return false;
      const row = await rows.get(userId, '');
      return row !== undefined && row.count >= settings.failures && !isOver(row);
    },
    async failed(userId) {
      if (settings.failures === 0) return;
      const lastAtMs = clock.wallMs();
      await rows.change(userId, '', (row) => ({
        count: row && !isOver(row) ? row.count + 1 : 1,
        lastAtMs,
      }));
    },
    async clear(userId) {
      if (settings.failures > 0 && (await rows.get(userId, '')))
        await rows.change(userId, '', () => undefined);
    },
  };
};
