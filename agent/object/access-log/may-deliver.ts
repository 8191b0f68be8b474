/**
 * Whether a bucket takes logs of another: its policy says so to the service `logging.s3.amazonaws.com`, or its access list to
 * the group LogDelivery. Being the same account's is not enough, as at Amazon: who can fill a bucket stands in it.
 */
import { grantsAllowGroup } from '../acl-grant.ts';
import { decidePolicy, statementsOf } from '../bucket-policy/decide.ts';
import { logService, serviceName } from '../bucket-policy/document.ts';
import type { ContainerRow } from '../records.ts';

interface Delivered {
  /** Owner of both buckets. */
  readonly project: string;
  readonly source: string;
  readonly target: string;
  readonly prefix: string;
  /** Below the prefix. */
  readonly key: string;
  readonly nowMs: number;
}

export const mayDeliver = (
  { bucket }: Pick<ContainerRow, 'bucket'>,
  { project, source, target, prefix, key, nowMs }: Delivered,
): boolean => {
  const facts = new Map([
    ['aws:sourcearn', [`arn:aws:s3:::${source}`]],
    ['aws:sourceaccount', [project]],
    ['aws:securetransport', ['true']],
    ['aws:currenttime', [new Date(nowMs).toISOString()]],
    ['aws:epochtime', [String(Math.floor(nowMs / 1000))]],
    ['s3:resourceaccount', [project]],
  ]);
  // "Everybody" is everybody with a request; a log has to be let in by name.
  const statements = (bucket?.policy === undefined ? [] : statementsOf(bucket.policy, target)).filter(
    ({ effect, principals }) => effect === 'Deny' || principals.includes(serviceName(logService)),
  );
  const asked = { principal: undefined, service: logService, action: 's3:PutObject', bucket: target, facts };
  // Whoever allows the prefix itself means what lies below it.
  const verdicts = [key, prefix].map((name) => decidePolicy(statements, { ...asked, key: name }));
  if (verdicts.includes('deny')) return false;
  return verdicts.includes('allow') || grantsAllowGroup(bucket, 'WRITE', 'LogDelivery');
};
