/** A bucket's lifecycle as XML. Pure. */
import type { Code } from '../../../proto/policy.ts';
import { hourMs } from '../../../proto/units.ts';
import type { LifecycleFilter, LifecycleRule, Transition } from '../lifecycle.ts';
import type { Metadata } from '../metadata.ts';
import { parseStorageClass } from '../policy.ts';
import { lifecycleIdCharactersMax, lifecycleRulesMax } from './limits.ts';
import { s3Error } from './s3-error.ts';
import { element, optional, root, type Xml } from './xml.ts';
import { childOf, childrenOf, textOf, wantedText, type XmlNode } from './xml-reader.ts';

const malformed = (): never => {
  throw s3Error('MalformedXML');
};

/** A whole number from `min` on. Throws InvalidArgument. */
const numberOf = (node: XmlNode, name: string, min = 1): number | undefined => {
  const text = textOf(node, name);
  if (text === undefined) return undefined;
  if (!/^\d{1,15}$/.test(text) || Number(text) < min)
    throw s3Error(
      'InvalidArgument',
      `'${name}' for a lifecycle rule must be a whole number of at least ${min}`,
    );
  return Number(text);
};

const tagsOf = (node: XmlNode): Metadata =>
  Object.fromEntries(
    childrenOf(node, 'Tag').map((tag) => [wantedText(tag, 'Key'), wantedText(tag, 'Value')] as const),
  );

const parseFilter = (rule: XmlNode): LifecycleFilter => {
  const filter = childOf(rule, 'Filter');
  if (!filter) return { prefix: childOf(rule, 'Prefix')?.text ?? malformed() };
  const node = childOf(filter, 'And') ?? filter;
  if (node === filter && filter.children.length > 1) return malformed();
  const prefix = childOf(node, 'Prefix')?.text;
  const tags = tagsOf(node);
  const above = numberOf(node, 'ObjectSizeGreaterThan', 0);
  const below = numberOf(node, 'ObjectSizeLessThan');
  return {
    ...(prefix === undefined ? {} : { prefix }),
    ...(Object.keys(tags).length === 0 ? {} : { tags }),
    ...(above === undefined ? {} : { bytesAbove: above }),
    ...(below === undefined ? {} : { bytesBelow: below }),
  };
};

/** Throws InvalidArgument. */
const midnightOf = (date: string): number => {
  const atMs = Date.parse(date);
  if (Number.isNaN(atMs) || atMs % (24 * hourMs) !== 0)
    throw s3Error('InvalidArgument', "'Date' must be at midnight GMT");
  return atMs;
};

const parseExpiration = (rule: XmlNode): LifecycleRule['expiration'] => {
  const node = childOf(rule, 'Expiration');
  if (!node) return undefined;
  const days = numberOf(node, 'Days');
  const date = textOf(node, 'Date');
  const markers = textOf(node, 'ExpiredObjectDeleteMarker');
  if ([days, date, markers].filter((one) => one !== undefined).length !== 1) return malformed();
  if (days !== undefined) return { days };
  if (markers !== undefined) return markers === 'true' ? { markers: true } : undefined;
  return { atMs: midnightOf(date ?? '') };
};

/** Throws InvalidStorageClass on what is none here, or would need more hosts. */
const parseTransition = (node: XmlNode, kept: readonly Code[]): Transition => {
  const storageClass = parseStorageClass(wantedText(node, 'StorageClass'), kept);
  if (!storageClass) throw s3Error('InvalidStorageClass');
  const days = numberOf(node, 'Days', 0);
  const date = textOf(node, 'Date');
  if ((days === undefined) === (date === undefined)) return malformed();
  return { storageClass, ...(days === undefined ? { atMs: midnightOf(date ?? '') } : { days }) };
};

const parseRule = (rule: XmlNode, at: number, kept: readonly Code[]): LifecycleRule => {
  if (childOf(rule, 'NoncurrentVersionTransition'))
    throw s3Error('NotImplemented', 'Versions stay in the storage class in which they were made');
  const status = textOf(rule, 'Status');
  if (status !== 'Enabled' && status !== 'Disabled') return malformed();
  const expiration = parseExpiration(rule);
  const old = childOf(rule, 'NoncurrentVersionExpiration');
  const noncurrentDays = old && numberOf(old, 'NoncurrentDays');
  const keep = old && numberOf(old, 'NewerNoncurrentVersions');
  const abort = childOf(rule, 'AbortIncompleteMultipartUpload');
  const abortDays = abort && (numberOf(abort, 'DaysAfterInitiation') ?? malformed());
  if (old && noncurrentDays === undefined) return malformed();
  const filter = parseFilter(rule);
  const transitions = childrenOf(rule, 'Transition').map((node) => parseTransition(node, kept));
  if (!childOf(rule, 'Expiration') && !old && !abort && transitions.length === 0)
    throw s3Error('InvalidRequest', 'At least one action needs to be specified in a rule');
  if (abort && (filter.tags || filter.bytesAbove !== undefined || filter.bytesBelow !== undefined))
    throw s3Error(
      'InvalidRequest',
      'AbortIncompleteMultipartUpload cannot be specified with tags or object size',
    );
  const id = textOf(rule, 'ID');
  if (id !== undefined && id.length > lifecycleIdCharactersMax)
    throw s3Error(
      'InvalidArgument',
      `ID length should not exceed allowed limit of ${lifecycleIdCharactersMax}`,
    );
  return {
    id: id || `rule-${at + 1}`,
    isOn: status === 'Enabled',
    filter,
    ...(expiration && { expiration }),
    ...(transitions.length > 0 && { transitions }),
    ...(noncurrentDays === undefined ? {} : { noncurrent: { days: noncurrentDays, ...(keep && { keep }) } }),
    ...(abortDays === undefined ? {} : { abortDays }),
    ...(childOf(rule, 'Filter') ? {} : { isOld: true as const }),
  };
};

/** Throws MalformedXML, InvalidArgument, InvalidRequest, InvalidStorageClass, NotImplemented. */
export const parseLifecycle = (node: XmlNode, kept: readonly Code[]): readonly LifecycleRule[] => {
  const rules = childrenOf(node, 'Rule').map((rule, at) => parseRule(rule, at, kept));
  if (rules.length === 0 || rules.length > lifecycleRulesMax) return malformed();
  if (new Set(rules.map(({ id }) => id)).size < rules.length)
    throw s3Error('InvalidArgument', 'Rule ID must be unique. Found same ID for more than one rule');
  return rules;
};

const filterXml = ({ prefix, tags = {}, bytesAbove, bytesBelow }: LifecycleFilter): Xml => {
  const parts = [
    optional('Prefix', prefix),
    ...Object.entries(tags).map(([name, value]) =>
      element('Tag', [element('Key', name), element('Value', value)]),
    ),
    optional('ObjectSizeGreaterThan', bytesAbove),
    optional('ObjectSizeLessThan', bytesBelow),
  ].filter((part) => part !== undefined);
  return element('Filter', parts.length > 1 ? [element('And', parts)] : parts);
};

const expirationXml = (expiration: NonNullable<LifecycleRule['expiration']> | Transition): Xml => {
  if ('days' in expiration) return element('Days', expiration.days);
  if ('atMs' in expiration) return element('Date', new Date(expiration.atMs).toISOString());
  return element('ExpiredObjectDeleteMarker', true);
};

export const lifecycleText = (rules: readonly LifecycleRule[]): string =>
  root(
    'LifecycleConfiguration',
    rules.map(({ id, isOn, filter, expiration, transitions = [], noncurrent, abortDays, isOld }) =>
      element('Rule', [
        element('ID', id),
        element('Status', isOn ? 'Enabled' : 'Disabled'),
        isOld ? element('Prefix', filter.prefix ?? '') : filterXml(filter),
        optional('Expiration', expiration && [expirationXml(expiration)]),
        ...transitions.map((one) =>
          element('Transition', [expirationXml(one), element('StorageClass', one.storageClass)]),
        ),
        optional(
          'NoncurrentVersionExpiration',
          noncurrent && [
            element('NoncurrentDays', noncurrent.days),
            optional('NewerNoncurrentVersions', noncurrent.keep),
          ],
        ),
        optional(
          'AbortIncompleteMultipartUpload',
          abortDays === undefined ? undefined : [element('DaysAfterInitiation', abortDays)],
        ),
      ]),
    ),
  );
