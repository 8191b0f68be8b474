/** Reading and setting a bucket's lifecycle rules. They are obeyed in `../lifecycle-sweep.ts`. */
import type { ApiAnswer } from '../../http/port.ts';
import { lifecycleGroup } from '../records.ts';
import { record, type S3Ask, type S3Context } from './ask.ts';
import { xmlAnswer } from './bucket.ts';
import { changeSettings, openBucket } from './bucket-access.ts';
import { lifecycleText, parseLifecycle } from './lifecycle-words.ts';
import { s3Error } from './s3-error.ts';
import { readXml } from './xml-reader.ts';

const putAction = { name: 's3:PutLifecycleConfiguration', use: 'writeContainer' } as const;

export const getLifecycle = async (context: S3Context, ask: S3Ask): Promise<ApiAnswer> => {
  const { row } = await openBucket(context, ask, {
    name: 's3:GetLifecycleConfiguration',
    use: 'readContainer',
  });
  const found = await context.records.lifecycles.get(lifecycleGroup, row.id);
  if (!found) throw s3Error('NoSuchLifecycleConfiguration');
  return xmlAnswer(lifecycleText(found.rules));
};

export const putLifecycle = async (context: S3Context, ask: S3Ask): Promise<ApiAnswer> => {
  const rules = parseLifecycle(await readXml(ask, 'LifecycleConfiguration'), context.codes());
  const bucket = await openBucket(context, ask, putAction);
  const { project, name: container, row } = bucket;
  if (row.versions && rules.some(({ transitions }) => transitions))
    throw s3Error('NotImplemented', 'Versions stay in the storage class in which they were made');
  const hasExpiry = rules.some(({ expiration }) => expiration && !('markers' in expiration)) || undefined;
  await changeSettings(context, bucket, () => ({ hasExpiry }));
  await context.records.lifecycles.change(lifecycleGroup, row.id, (old) => ({
    ...{ project, container, rules },
    sweptAtMs: old?.sweptAtMs ?? 0,
  }));
  record(context, ask, 'container.lifecycle', { rules: rules.length });
  return {};
};

export const deleteLifecycle = async (context: S3Context, ask: S3Ask): Promise<ApiAnswer> => {
  const bucket = await openBucket(context, ask, putAction);
  await context.records.lifecycles.change(lifecycleGroup, bucket.row.id, () => undefined);
  await changeSettings(context, bucket, () => ({ hasExpiry: undefined }));
  record(context, ask, 'container.lifecycle');
  return { status: 204 };
};
