import test from 'ava';
import { countLives, recallNeeded } from '../../agent/register/lives.ts';
import { hostId } from '../membership/fake-network.ts';

const [a, b, c] = [hostId(1), hostId(2), hostId(3)];

test('lives: replies of hosts that know of no death count together', (t) => {
  const counts = countLives();
  t.true(counts(a, undefined));
  t.true(counts(b, {}));
  t.true(counts(c, { [c]: 3 }), 'it speaks for its own new life');
});

test('lives: a promise of an earlier life does not count with that of a host that was told of the later one', (t) => {
  const late = countLives();
  t.true(late(a, {}), 'promised, then lost its disk');
  t.false(late(b, { [a]: 1 }));
  t.true(late(c, {}), 'it was not asked when the other was reborn');
  const early = countLives();
  t.true(early(b, { [a]: 1 }));
  t.false(early(a, {}));
});

test('lives: a host in the life that the others know counts', (t) => {
  const counts = countLives();
  t.true(counts(b, { [a]: 2 }));
  t.true(counts(a, { [a]: 2 }));
  t.false(counts(c, { [a]: 3 }), 'and died again');
});

test('lives: whom a reborn one asks has a host in common with every quorum that it was in', (t) => {
  for (let voters = 2; voters <= 7; voters++) {
    const quorum = Math.floor(voters / 2) + 1;
    const needed = recallNeeded(
      Array.from({ length: voters }, (_, index) => hostId(index)),
      quorum,
    );
    t.true(needed + (quorum - 1) > voters - 1);
    t.true(needed <= voters - 1, 'there are so many others');
  }
});
