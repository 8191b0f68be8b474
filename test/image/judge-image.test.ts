import test from 'ava';
import { claimImage, judgeImage } from '../../agent/image/judge-image.ts';
import { openManifests } from '../../agent/image/manifest.ts';
import { type ImageRow, imagePartition, openRecords } from '../../agent/image/records.ts';
import { newUuid } from '../../proto/ids.ts';
import { fakeTables } from '../fake/tables.ts';

test("judge: bytes are the image's where its register says so; an upload that it waited for is taken back", async (t) => {
  const records = openRecords(fakeTables());
  const manifests = openManifests(records);
  const judge = judgeImage({ ...records, manifests });
  const [id, upload, other] = [newUuid(), newUuid(), newUuid()];
  const ask = (asked = upload) => judge(claimImage(id, asked), `image:${id}:${asked}`, 0);
  const set = (row: Partial<ImageRow>) =>
    records.images.change(
      imagePartition,
      id,
      () => ({ id, status: 'queued', upload: null, data: null, ...row }) as ImageRow,
    );
  await manifests.put(id, upload, { kind: 'chunks', chunks: [] });
  await set({ status: 'saving', upload: { id: other, renewedAtMs: 0 } });
  t.false(await ask());
  t.is((await records.images.get(imagePartition, id))?.status, 'saving', 'another sends its bytes');
  t.is(await manifests.find(id, upload), undefined);
  t.false(await ask(other));
  t.is((await records.images.get(imagePartition, id))?.status, 'queued');
  await set({ status: 'active', data: { upload, bytes: 1, md5: '', sha512: '', virtualBytes: null } });
  t.true(await ask());
  await set({ status: 'deleted', data: { upload, bytes: 1, md5: '', sha512: '', virtualBytes: null } });
  t.true(await ask(), 'whoever ends the deletion gives them back');
});
