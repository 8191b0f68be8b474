/** `x-amz-expiration`: when a rule of the bucket's lifecycle takes an object away, and which. */
import { expiryOf, type Subject } from '../lifecycle.ts';
import { type ContainerRow, lifecycleGroup, type ObjectRow } from '../records.ts';
import { httpDate } from '../time.ts';
import type { S3Context } from './ask.ts';

/** Of the object as it is shown. Costs a look at the rules, in buckets that have some that take objects away. */
export const expirationHeader = async (
  { records }: Pick<S3Context, 'records'>,
  { id, bucket }: ContainerRow,
  row: Pick<ObjectRow, 'changedAtMs' | 'tags'>,
  { name, bytes }: Pick<Subject, 'name' | 'bytes'>,
): Promise<Record<string, string>> => {
  if (!bucket?.hasExpiry) return {};
  const { rules = [] } = (await records.lifecycles.get(lifecycleGroup, id)) ?? {};
  const due = expiryOf(rules, { name, bytes, tags: row.tags ?? {}, changedAtMs: row.changedAtMs });
  if (!due) return {};
  const { id: rule, atMs } = due;
  return {
    'x-amz-expiration': `expiry-date="${httpDate(atMs)}", rule-id="${encodeURIComponent(rule)}"`,
  };
};
