import test from 'ava';
import { startReconciler } from '../../agent/flow/reconciler.ts';
import { impatient } from './saga-proof.ts';

const runtime = impatient;

test('reconciler: pokes while it runs lead to one more run', async (t) => {
  let runs = 0;
  let release = (): void => undefined;
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  const second = Promise.withResolvers<void>();
  const reconciler = startReconciler(
    {
      runtime,
      async reconcile() {
        runs += 1;
        if (runs === 1) await gate;
        if (runs === 2) second.resolve();
      },
    },
    { name: 'test', periodMs: 3_600_000 },
  );
  for (let count = 0; count < 5; count += 1) reconciler.poke();
  release();
  await second.promise;
  await reconciler.stop();
  t.is(runs, 2);
});

test('reconciler: it looks by itself, also after an error', async (t) => {
  let runs = 0;
  const third = Promise.withResolvers<void>();
  const reconciler = startReconciler(
    {
      runtime,
      async reconcile() {
        runs += 1;
        if (runs === 1) throw new Error('weather');
        if (runs === 3) third.resolve();
      },
    },
    { name: 'test', periodMs: 5 },
  );
  await third.promise;
  await reconciler.stop();
  t.pass();
});

test('reconciler: stop waits for the run and ends it', async (t) => {
  const started = Promise.withResolvers<void>();
  let ended = false;
  const reconciler = startReconciler(
    {
      runtime,
      async reconcile(signal) {
        started.resolve();
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        ended = true;
      },
    },
    { name: 'test', periodMs: 5 },
  );
  await started.promise;
  await reconciler.stop();
  t.true(ended);
});
