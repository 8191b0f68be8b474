import test from 'ava';
import type { HostId } from '../../../proto/ids.ts';
import { wrongBeliefs } from './convergence.ts';

const [a, b] = ['a', 'b'] as HostId[] as [HostId, HostId];
const isUp = (host: HostId): boolean => host === a;

test('convergence: whoever lives must know of all who lives and who does not', (t) => {
  const right = { self: a, believes: isUp };
  t.deepEqual(wrongBeliefs([a, b], isUp, [right]), []);
  t.deepEqual(wrongBeliefs([a, b], isUp, [{ self: a, believes: () => true }]), [
    'a holds b to be alive, it is down',
  ]);
  t.deepEqual(
    wrongBeliefs([a, b], isUp, [{ self: a, believes: (host) => (host === a ? false : undefined) }]),
    ['a holds a to be dead, it is up', 'a holds b to be unknown, it is down'],
  );
});
