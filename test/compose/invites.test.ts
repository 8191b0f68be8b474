import test from 'ava';
import { openInviteBook } from '../../agent/compose/invites.ts';
import { fakeTables } from '../fake/tables.ts';
import { hostId } from '../membership/fake-network.ts';

const clock = { wallMs: () => 1_000_000 };
const invite = { token: '', inviteId: 'AAAAAAAAAAAAAAAA', expiresAtMs: 2_000_000 };

test('invites: two newcomers that show one invite to two hosts at once are one guest', async (t) => {
  const tables = fakeTables();
  // The register is one, whichever host asks it.
  const registers = tables.registers.bind(tables);
  const opened = registers({ name: 'invite' });
  const book = () => openInviteBook({ tables: { registers: () => opened as never }, clock });
  const [a, b] = [book(), book()];
  await a.keep(invite);
  for (let round = 0; round < 20; round++) {
    const outcomes = await Promise.allSettled([
      a.consume(invite.inviteId, hostId(1)),
      b.consume(invite.inviteId, hostId(2)),
    ]);
    const lucky = outcomes.filter(({ status }) => status === 'fulfilled');
    t.is(lucky.length, 1);
    for (const outcome of outcomes)
      if (outcome.status === 'rejected') t.like(outcome.reason, { code: 'INVITE_REFUSED' });
  }
});

test('invites: one that nobody issued lets nobody in; one for a time says when it ends', async (t) => {
  const book = openInviteBook({ tables: fakeTables(), clock });
  await t.throwsAsync(book.consume(invite.inviteId, hostId(1)), { code: 'INVITE_REFUSED' });
  await book.keep(invite, 5_000);
  t.deepEqual(await book.consume(invite.inviteId, hostId(1)), { expiresAtMs: 1_005_000 });
  t.deepEqual(await book.consume(invite.inviteId, hostId(1)), { expiresAtMs: 1_005_000 }, 'and again');
});
