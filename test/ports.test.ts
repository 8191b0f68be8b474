import { createServer } from 'node:net';
import test from 'ava';
import { takePorts } from './ports.ts';

test('ports: callers at once get runs that do not touch, below those that the kernel gives away', async (t) => {
  const firsts = await Promise.all([7, 1, 30, 1, 7].map(takePorts));
  const all = firsts.flatMap((first, at) =>
    Array.from({ length: [7, 1, 30, 1, 7][at] ?? 0 }, (_, one) => first + one),
  );
  t.is(new Set(all).size, 46);
  t.true(Math.min(...all) >= 10_000 && Math.max(...all) < 32_768, all.join());
});

test('ports: one on which somebody listens is passed over, with the run that it is in', async (t) => {
  const before = await takePorts();
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(before + 3, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  t.true((await takePorts(5)) > before + 3);
});
