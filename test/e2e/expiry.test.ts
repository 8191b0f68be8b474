/** One of two hosts whose time on the roster runs out: real agents. */
import test from 'ava';
import { eventually, patienceMs, startCloud } from './cloud.ts';

test('expiry: of two hosts the one whose time has run out is drained first, and is out when the other has its share', async (t) => {
  t.timeout(600_000);
  const cloud = await startCloud(2);
  t.teardown(() => cloud.stop());
  const shoal = (...words: string[]) => cloud.shoalOk(...words, '--cloud', 'shoal-1');
  const { token, storageUrl } = await cloud.token('shoal-1');
  const call = (method: string, path: string, body?: string): Promise<Response> =>
    fetch(`${storageUrl}/${path}`, { method, headers: { 'x-auth-token': token }, ...(body && { body }) });
  t.is((await call('PUT', 'c')).status, 201);
  for (let index = 0; index < 20; index++)
    t.is((await call('PUT', `c/${index}`, 'x'.repeat(30_000))).status, 201);
  await shoal('host', 'expire', 'shoal-2', '--in', '1');
  const names = async (): Promise<string[]> =>
    (JSON.parse(await shoal('host', 'list', '--output', 'json')) as { readonly name: string }[]).map(
      ({ name }) => name,
    );
  await eventually('it is off the roster', patienceMs, async () => !(await names()).includes('shoal-2'));
  const { members } = JSON.parse(await shoal('layout', 'show', '--output', 'json')) as {
    readonly members: readonly { readonly name: string }[];
  };
  t.deepEqual(
    members.map(({ name }) => name),
    ['shoal-1'],
  );
  for (let index = 0; index < 20; index++)
    t.is((await (await call('GET', `c/${index}`)).text()).length, 30_000, 'all is read without it');
  t.is((await call('PUT', 'c/after', 'y')).status, 201);
});
