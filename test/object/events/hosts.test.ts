/** Events through three hosts with real tables: whichever dies, what was acknowledged is told. */
import test, { type ExecutionContext } from 'ava';
import { eventsQueuedMax } from '../../../agent/object/limits.ts';
import type { Rows, Tables } from '../../../agent/table/port.ts';
import { fakeContent } from '../../fake/content.ts';
import { cluster } from '../../table/cluster.ts';
import { serveS3 } from '../s3/serve.ts';
import { receiver, rules, until } from './receiver.ts';

const both = ['s3:ObjectCreated:*', 's3:ObjectRemoved:*'];

/** Host 0 was told of no webhook, so it delivers nothing: as if it died whenever it had answered. */
const threeHosts = async (
  t: ExecutionContext,
  wrap: (tables: Tables) => Tables = (tables) => tables,
  wallMs = () => Date.now(),
) => {
  const made = await cluster(t);
  const hook = await receiver(t);
  const content = fakeContent();
  const webhooks = [{ name: 'reef', url: hook.url }];
  const [mute, first, second] = await Promise.all(
    made.hosts.map(({ tables }, index) =>
      serveS3(t, {
        ...{ tables: wrap(tables), content, wallMs: index === 2 ? wallMs : () => Date.now() },
        ...(index === 0 ? {} : { webhooks }),
      }),
    ),
  );
  if (!mute || !first || !second) throw new Error('there are three hosts');
  await first.call('PUT', '/reef');
  await first.call('PUT', '/reef?notification', { body: rules(both) });
  await until('the test', () => hook.received.length === 1);
  return { made, hook, mute, first, second };
};

test('a host that dies after its answer leaves its events to the others', async (t) => {
  const { made, hook, mute, second } = await threeHosts(t);
  for (let number = 0; number < 5; number++)
    t.is((await mute.call('PUT', `/reef/${number}`, { body: 'x' })).status, 200);
  t.is((await mute.call('DELETE', '/reef/4')).status, 204);
  const [dead] = made.hosts;
  if (dead) await made.kill(dead, { noticed: true });
  t.is(hook.told().length, 0);
  await second.objects.delivery.look();
  await until('all events', () => hook.told().length === 6);
  t.is(new Set(hook.told()).size, 6);
});

test('a host that dies while it delivers is followed by the next once its time is over', async (t) => {
  let aheadMs = 0;
  const { made, hook, first, second } = await threeHosts(
    t,
    (tables) => tables,
    () => Date.now() + aheadMs,
  );
  // It is taken, but the answer never comes back.
  hook.answers(() => undefined);
  const asked = hook.asked();
  await first.call('PUT', '/reef/a', { body: 'x' });
  await until('the attempt', () => hook.asked() === asked + 1);
  const [, dying] = made.hosts;
  if (dying) await made.kill(dying, { noticed: true });
  await second.objects.delivery.look();
  t.is(hook.asked(), asked + 1);
  aheadMs = 60_000;
  hook.answers(() => 200);
  await second.objects.delivery.look();
  await until('the event', () => hook.told().length === 1);
});

test('two hosts that write into one bucket deliver each event', async (t) => {
  const { hook, first, second } = await threeHosts(t);
  await Promise.all(
    Array.from({ length: 40 }, (_, number) =>
      (number % 2 === 0 ? first : second).call('PUT', `/reef/${number}`, { body: 'x' }),
    ),
  );
  await until('all events', () => new Set(hook.told()).size === 40);
  t.is(hook.told().length, 40);
});

test('a full queue takes no more, and says so; uploads go on', async (t) => {
  let isFull = false;
  const full = (tables: Tables): Tables => ({
    ...tables,
    rows<Row>(schema: { readonly name: string }): Rows<Row> {
      const opened: Rows<Row> = tables.rows(schema);
      if (schema.name !== 'object-event') return opened;
      const tally: Rows<Row>['tally'] = async (key) =>
        isFull ? { rows: eventsQueuedMax, weight: 0 } : opened.tally(key);
      return { ...opened, tally };
    },
  });
  const { mute, hook, second } = await threeHosts(t, full);
  isFull = true;
  await mute.call('PUT', '/reef/a', { body: 'x' });
  await until('it is known', async () => {
    t.is((await mute.call('PUT', '/reef/b', { body: 'x' })).status, 200);
    return mute.journal.events.some(({ action }) => action === 'event.drop');
  });
  isFull = false;
  const before = hook.told().length;
  await second.objects.delivery.look();
  await until('the first', () => hook.told().length > before);
});
