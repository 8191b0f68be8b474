/**
 * Locks an account for a while after wrong passwords in a row. Off by default, as in Keystone: whoever knows a
 * user's name could lock that user out. One register per user who failed, none for the others.
 */
import { secondMs } from '../../proto/units.ts';
import type { Clock } from '../runtime/ports.ts';
import type { Registers, Tables } from '../table/port.ts';
import type { Compliance } from './compliance.ts';

interface Failures {
  readonly count: number;
  readonly lastAtMs: number;
}

type Rules = Pick<Compliance, 'lockout_failure_attempts' | 'lockout_duration'>;

/** `lockout_failure_attempts` 0: off. `lockout_duration` 0: until an admin sets a new password. */
export interface Lockout {
  isLocked(rules: Rules, userId: string): Promise<boolean>;
  failed(rules: Rules, userId: string): Promise<void>;
  /** After a right password; costs nothing where no rule counts. */
  clear(rules: Rules, userId: string): Promise<void>;
  /** When the user is deleted. */
  forget(userId: string): Promise<void>;
}

export const openLockout = ({
  tables,
  clock,
}: {
  readonly tables: Tables;
  readonly clock: Clock;
}): Lockout => {
  const rows: Registers<Failures> = tables.registers({ name: 'identity.lockout' });
  const isOver = ({ lockout_duration: seconds = 0 }: Rules, { lastAtMs }: Failures): boolean =>
    seconds > 0 && clock.wallMs() >= lastAtMs + seconds * secondMs;
  const forget = async (userId: string): Promise<void> => {
    if (await rows.get(userId, '')) await rows.change(userId, '', () => undefined);
  };
  return {
    forget,
    async isLocked(rules, userId) {
      const { lockout_failure_attempts: failures = 0 } = rules;
      if (failures === 0) return false;
      const row = await rows.get(userId, '');
      return row !== undefined && row.count >= failures && !isOver(rules, row);
    },
    async failed(rules, userId) {
      if (!rules.lockout_failure_attempts) return;
      const lastAtMs = clock.wallMs();
      await rows.change(userId, '', (row) => ({
        count: row && !isOver(rules, row) ? row.count + 1 : 1,
        lastAtMs,
      }));
    },
    async clear(rules, userId) {
      if (rules.lockout_failure_attempts) await forget(userId);
    },
  };
};
