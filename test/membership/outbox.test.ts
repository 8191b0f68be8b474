import test from 'ava';
import { outbox } from '../../agent/membership/outbox.ts';
import type { MemberFact } from '../../proto/message/membership.ts';
import { hostNamed } from './swim-world.ts';

const fact = (index: number, incarnation = 1): MemberFact => ({
  host: hostNamed(index),
  incarnation,
  state: 'alive',
  card: 1,
});
const nobody = hostNamed(99);

test('outbox: a fact is sent so many times and then no more', (t) => {
  const news = outbox();
  news.add(fact(1));
  for (let sent = 0; sent < 4; sent++) t.is(news.take(10, 4, nobody).length, 1);
  t.is(news.size, 0);
  t.deepEqual(news.take(10, 4, nobody), []);
});

test('outbox: the least sent facts go first', (t) => {
  const news = outbox();
  news.add(fact(1));
  news.take(1, 4, nobody);
  news.add(fact(2));
  t.deepEqual(news.take(1, 4, nobody), [fact(2)]);
});

test('outbox: a newer fact about a host takes the place of the older one', (t) => {
  const news = outbox();
  news.add(fact(1));
  news.take(1, 4, nobody);
  news.add(fact(1, 2));
  t.is(news.size, 1);
  t.deepEqual(news.take(10, 1, nobody), [fact(1, 2)]);
  t.is(news.size, 0);
});

test('outbox: a host is not told about itself', (t) => {
  const news = outbox();
  news.add(fact(1));
  t.deepEqual(news.take(10, 4, hostNamed(1)), []);
  t.is(news.size, 1);
});
