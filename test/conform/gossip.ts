/** What every `Gossip` must do. */
import type { ExecutionContext, TestFn } from 'ava';
import type { Gossip } from '../../agent/peer/port.ts';
import type { HostId } from '../../proto/ids.ts';

export interface GossipMember {
  readonly self: HostId;
  readonly gossip: Gossip;
}

/** At least three that are connected. */
export type GossipGroup = (t: ExecutionContext) => Promise<readonly GossipMember[]>;

export const conformGossip = (test: TestFn, name: string, open: GossipGroup): void => {
  test(`${name}: what one publishes all others hear, with its name on it`, async (t) => {
    const members = await open(t);
    const [first] = members;
    if (!first) return t.fail();
    const heard = members.map((member) => {
      const { promise, resolve } = Promise.withResolvers<readonly [HostId, unknown]>();
      member.gossip.subscribe('test', (from, body) => resolve([from, body]));
      return promise;
    });
    // Gossip is best effort: the first words may come before the topic is known everywhere.
    const again = setInterval(() => first.gossip.publish('test', { load: 0.5 }), 50);
    t.teardown(() => clearInterval(again));
    for (const one of heard.slice(1)) t.deepEqual(await one, [first.self, { load: 0.5 }]);
  });

  test(`${name}: a topic does not hear another's words`, async (t) => {
    const [a, b] = await open(t);
    if (!a || !b) return t.fail();
    const wrong: unknown[] = [];
    const right = Promise.withResolvers<unknown>();
    b.gossip.subscribe('one', (_from, body) => wrong.push(body));
    b.gossip.subscribe('two', (_from, body) => right.resolve(body));
    const again = setInterval(() => a.gossip.publish('two', 2), 50);
    t.teardown(() => clearInterval(again));
    t.is(await right.promise, 2);
    t.deepEqual(wrong, []);
  });
};
