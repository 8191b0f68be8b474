/** What programs do with Amazon's SDK for JavaScript, with its defaults: it sends a CRC32 with all it writes. */
import { randomBytes } from 'node:crypto';
import {
  CompleteMultipartUploadCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteBucketCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  paginateListObjectsV2,
  S3Client,
  S3ServiceException,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import type { ExecutionContext } from 'ava';
import { MiB } from '../../proto/units.ts';

export interface AwsSdkPlace {
  /** What the first writes the second reads. */
  readonly urls: readonly [string, string];
  readonly key: { readonly accessKeyId: string; readonly secretAccessKey: string };
  readonly bucket: string;
}

const bytesOf = async (body: unknown): Promise<Buffer> =>
  Buffer.from(await (body as { transformToByteArray(): Promise<Uint8Array> }).transformToByteArray());

/** Throws what the SDK throws. Leaves nothing. */
export const walkAwsSdk = async (
  t: ExecutionContext,
  { urls, key, bucket: Bucket }: AwsSdkPlace,
): Promise<void> => {
  const open = (endpoint: string): S3Client =>
    new S3Client({ endpoint, credentials: key, region: 'us-east-1', forcePathStyle: true });
  const [writer, reader] = [open(urls[0]), open(urls[1])];
  try {
    await writer.send(new CreateBucketCommand({ Bucket }));
    const body = randomBytes(300_000);
    const put = await writer.send(
      new PutObjectCommand({ Bucket, Key: 'ä/whole +', Body: body, Metadata: { reef: 'coral' } }),
    );
    t.truthy(put.ChecksumCRC32);
    const got = await reader.send(new GetObjectCommand({ Bucket, Key: 'ä/whole +' }));
    t.deepEqual(got.Metadata, { reef: 'coral' });
    t.true((await bytesOf(got.Body)).equals(body));

    const Key = 'parts';
    const { UploadId } = await writer.send(new CreateMultipartUploadCommand({ Bucket, Key }));
    const parts = [randomBytes(5 * MiB), randomBytes(1)];
    const Parts = [];
    for (const [index, Body] of parts.entries()) {
      const PartNumber = index + 1;
      const sent = await writer.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber, Body }));
      Parts.push({ PartNumber, ETag: sent.ETag, ChecksumCRC32: sent.ChecksumCRC32 });
    }
    await reader.send(
      new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts } }),
    );
    const joined = await reader.send(new GetObjectCommand({ Bucket, Key, ChecksumMode: 'ENABLED' }));
    t.true((await bytesOf(joined.Body)).equals(Buffer.concat(parts)));
    const range = await reader.send(new GetObjectCommand({ Bucket, Key, Range: 'bytes=5242878-' }));
    t.true((await bytesOf(range.Body)).equals(Buffer.concat(parts).subarray(5242878)));

    const taken = new PutObjectCommand({ Bucket, Key, Body: 'x', IfNoneMatch: '*' });
    const refusal = await t.throwsAsync(reader.send(taken), { instanceOf: S3ServiceException });
    t.is(refusal?.name, 'PreconditionFailed');

    const names: (string | undefined)[] = [];
    for await (const page of paginateListObjectsV2({ client: reader, pageSize: 1 }, { Bucket }))
      names.push(...(page.Contents ?? []).map((one) => one.Key));
    t.deepEqual(names, ['parts', 'ä/whole +']);
    const Objects = names.map((name) => ({ Key: name }));
    const { Deleted } = await writer.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
    t.is(Deleted?.length, 2);
    const gone = await t.throwsAsync(reader.send(new HeadObjectCommand({ Bucket, Key })));
    t.is(gone?.name, 'NotFound');
    await writer.send(new DeleteBucketCommand({ Bucket }));
  } finally {
    writer.destroy();
    reader.destroy();
  }
};
