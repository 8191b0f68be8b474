import { randomBytes } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import { placeOf } from '../../agent/object/context.ts';
import { openRecords, type Records } from '../../agent/object/records.ts';
import { hasCode } from '../../proto/error.ts';
import { KiB } from '../../proto/units.ts';
import { collect } from '../conform/content.ts';
import { fakeContent } from '../fake/content.ts';
import { cluster } from '../table/cluster.ts';
import { joinedParts, openAgent, putPart, uploadOf } from './mortal.ts';

const { signal } = new AbortController();

const open = async (t: ExecutionContext) => {
  const { hosts } = await cluster(t);
  const content = fakeContent();
  const [first, second, third] = hosts.map((host) => openRecords(host.tables)) as [Records, Records, Records];
  const agents = [openAgent(first, content), openAgent(second, content)] as const;
  await agents[0].containers.create('p', 'c', () => ({}));
  const place = placeOf(
    { project: 'p', container: 'c', object: 'o' },
    await agents[0].containers.get('p', 'c'),
  );
  /** One with a part. */
  const upload = async (bytes: Uint8Array): Promise<string> => {
    const made = await uploadOf(agents[0], place);
    await putPart(agents[0], place, made.upload, 1, bytes);
    return made.upload;
  };
  const read = async () => {
    const row = await openAgent(third, content).objects.get(place);
    return collect(agents[0].objects.read(row, {}, signal));
  };
  return { agents, content, place, upload, read };
};

test('completion: of two at once both succeed, and the object stands', async (t) => {
  const { agents, place, upload, read } = await open(t);
  for (let round = 0; round < 10; round++) {
    const bytes = randomBytes(40 * KiB);
    const id = await upload(bytes);
    const rows = await Promise.all(
      agents.map(({ multiparts }) => multiparts.complete(place, id, joinedParts)),
    );
    t.deepEqual(
      rows.map((row) => row.upload as string),
      [id, id],
    );
    t.true(bytes.equals(await read()), `round ${round}`);
  }
});

test('completion: of one and an abort at once one wins, and no object is there without its bytes', async (t) => {
  const { agents, content, place, upload, read } = await open(t);
  for (let round = 0; round < 10; round++) {
    const bytes = randomBytes(40 * KiB);
    const id = await upload(bytes);
    const [done, aborted] = await Promise.allSettled([
      agents[0].multiparts.complete(place, id, joinedParts),
      agents[1].multiparts.abort(place, id),
    ]);
    const refusals = [done, aborted].flatMap((one) => (one.status === 'rejected' ? [one.reason] : []));
    t.true(
      refusals.every((thrown) => hasCode(thrown, 'NOT_FOUND')),
      refusals.map(String).join(),
    );
    t.is(refusals.length, 1);
    if (done.status === 'fulfilled') t.true(bytes.equals(await read()));
    else await t.throwsAsync(read);
    if (done.status === 'fulfilled') await agents[0].objects.delete(place);
    t.is(content.chunks.size, 0);
  }
});
