/** Invites are used once in the whole cluster: a register each, so that two hosts cannot let two strangers in. */
import { ShoalError } from '../../proto/error.ts';
import type { HostId } from '../../proto/ids.ts';
import type { IssuedInvite } from '../peer/invites.ts';
import type { JoinHooks } from '../peer/join-host.ts';
import type { Tables } from '../table/port.ts';

interface InviteRow {
  readonly expiresAtMs: number;
  readonly usedBy: HostId | null;
}

export interface InviteBook {
  readonly consume: JoinHooks['consume'];
  /** Before the token is handed out. */
  keep(invite: IssuedInvite): Promise<void>;
}

export const openInviteBook = (tables: Tables): InviteBook => {
  const invites = tables.registers<InviteRow>({ name: 'invite' });
  return {
    async keep({ inviteId, expiresAtMs }) {
      await invites.change(inviteId, '', (current) => current ?? { expiresAtMs, usedBy: null });
    },
    async consume(inviteId, hostId) {
      await invites.change(inviteId, '', (current) => {
        if (!current)
          throw new ShoalError('INVITE_REFUSED', `Cannot use invite ${inviteId}: nobody issued it`);
        if (current.usedBy !== null && current.usedBy !== hostId)
          throw new ShoalError(
            'INVITE_REFUSED',
            `Cannot use invite ${inviteId}: host ${current.usedBy} has used it`,
          );
        return { ...current, usedBy: hostId };
      });
    },
  };
};
