/** Invites are used once in the whole cluster: a register each, so that two hosts cannot let two strangers in. */
import { ShoalError } from '../../proto/error.ts';
import type { HostId } from '../../proto/ids.ts';
import type { IssuedInvite } from '../peer/invites.ts';
import type { JoinHooks } from '../peer/join-host.ts';
import type { Clock } from '../runtime/ports.ts';
import type { Tables } from '../table/port.ts';

interface InviteRow {
  readonly expiresAtMs: number;
  readonly usedBy: HostId | null;
  /** How long the host that uses it is let in, from that moment on; null or absent: until it is removed. */
  readonly hostLifeMs?: number | null;
}

export interface InviteBook {
  readonly consume: JoinHooks['consume'];
  /** Before the token is handed out. */
  keep(invite: IssuedInvite, hostLifeMs?: number): Promise<void>;
}

export const openInviteBook = ({
  tables,
  clock,
}: {
  readonly tables: Pick<Tables, 'registers'>;
  readonly clock: Pick<Clock, 'wallMs'>;
}): InviteBook => {
  const invites = tables.registers<InviteRow>({ name: 'invite' });
  return {
    async keep({ inviteId, expiresAtMs }, hostLifeMs) {
      const row = { expiresAtMs, usedBy: null, hostLifeMs: hostLifeMs ?? null };
      await invites.change(inviteId, '', (current) => current ?? row);
    },
    async consume(inviteId, hostId) {
      const row = await invites.change(inviteId, '', (current) => {
        if (!current)
          throw new ShoalError('INVITE_REFUSED', `Cannot use invite ${inviteId}: nobody issued it`);
        if (current.usedBy !== null && current.usedBy !== hostId)
          throw new ShoalError(
            'INVITE_REFUSED',
            `Cannot use invite ${inviteId}: host ${current.usedBy} has used it`,
          );
        return { ...current, usedBy: hostId };
      });
      const lifeMs = row?.hostLifeMs ?? null;
      return { expiresAtMs: lifeMs === null ? null : Math.floor(clock.wallMs() + lifeMs) };
    },
  };
};
