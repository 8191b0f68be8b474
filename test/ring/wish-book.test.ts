import test from 'ava';
import type { Rpc } from '../../agent/peer/port.ts';
import { layoutStore } from '../../agent/ring/layout-store.ts';
import { wishBook } from '../../agent/ring/wish-book.ts';
import { memoryKeyValue } from '../../agent/store/memory-key-value.ts';
import { hostId } from '../membership/fake-network.ts';
import { firstLayout, memberOf } from './make.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {}, with: () => silent };

test('wishes: of two that are wished at one host at once the later one stands', async (t) => {
  const self = hostId(0);
  const book = wishBook({
    log: silent,
    clock: { wallMs: () => 1_700_000_000_000 },
    rpc: { self, handle() {} } as unknown as Rpc,
    store: layoutStore(memoryKeyValue(), self),
    newest: () => firstLayout(memberOf(self), 3),
    isRostered: () => true,
    changed() {},
    publish() {},
  });
  await Promise.all([book.wish('paused', 1, 'ada'), book.wish('paused', 0, 'bob')]);
  t.like(book.held.paused, { value: 0, by: 'bob', sequence: 2 });
});
