import test from 'ava';
import { lanSettings } from '../../agent/membership/settings.ts';
import { confirmSuspicion, startSuspicion } from '../../agent/membership/suspicion.ts';
import { hostNamed } from './swim-world.ts';

const accused = (hosts: number, lifeguard = true) =>
  startSuspicion({ ...lanSettings, lifeguard }, 1, hostNamed(0), hosts, 0);

test('suspicion: without confirmation it lasts the longest time', (t) => {
  t.is(accused(100).deadlineMs, 4 * 2 * 1_000 * 6);
});

test('suspicion: each confirmation shortens it, two give the shortest time', (t) => {
  const suspicion = accused(100);
  t.true(confirmSuspicion(suspicion, hostNamed(1)));
  t.true(suspicion.deadlineMs < 48_000 && suspicion.deadlineMs > 8_000);
  t.true(confirmSuspicion(suspicion, hostNamed(2)));
  t.is(suspicion.deadlineMs, 8_000);
  t.false(confirmSuspicion(suspicion, hostNamed(3)), 'no further one is needed or passed on');
});

test('suspicion: the same accuser twice confirms nothing', (t) => {
  const suspicion = accused(100);
  t.false(confirmSuspicion(suspicion, hostNamed(0)));
  t.is(suspicion.deadlineMs, 48_000);
});

test('suspicion: where too few hosts could confirm, the shortest time holds from the start', (t) => {
  t.is(accused(3).deadlineMs, 4_000);
  t.is(accused(4).deadlineMs, 24_000);
});

test('suspicion: plain SWIM always takes the shortest time', (t) => {
  t.is(accused(100, false).deadlineMs, 8_000);
});
