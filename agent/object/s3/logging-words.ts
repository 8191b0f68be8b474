/** Where the log of a bucket goes, as XML. Pure. https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketLogging.html */
import type { AclGrant } from '../acl-grant.ts';
import type { AccessLogging } from '../bucket-settings.ts';
import { grantXml, readGrant } from './acl-document.ts';
import { logPrefixBytesMax } from './limits.ts';
import { s3Error } from './s3-error.ts';
import { element, optional, root } from './xml.ts';
import { childOf, childrenOf, textOf, wantedText, type XmlNode } from './xml-reader.ts';

const malformed = (): never => {
  throw s3Error('MalformedXML');
};

const parts = ['TargetBucket', 'TargetPrefix', 'TargetGrants', 'TargetObjectKeyFormat'];

const namingOf = (format: XmlNode | undefined): AccessLogging['naming'] => {
  if (!format) return undefined;
  const [naming, another] = format.children;
  if (!naming || another) return malformed();
  if (naming.name === 'SimplePrefix') return 'SimplePrefix';
  if (naming.name !== 'PartitionedPrefix') return malformed();
  const source = textOf(naming, 'PartitionDateSource') ?? 'DeliveryTime';
  return source === 'EventTime' || source === 'DeliveryTime' ? source : malformed();
};

const grantsOf = (node: XmlNode | undefined): readonly AclGrant[] | undefined => {
  if (!node) return undefined;
  return childrenOf(node, 'Grant').map((grant) => {
    const read = readGrant(grant);
    return ['FULL_CONTROL', 'READ', 'WRITE'].includes(read.permission) ? read : malformed();
  });
};

/** `BucketLoggingStatus`; undefined: there is to be no log. Throws MalformedXML, MalformedACLError, InvalidArgument. */
export const parseLogging = (node: XmlNode): AccessLogging | undefined => {
  const enabled = childOf(node, 'LoggingEnabled');
  if (!enabled) return node.children.length === 0 ? undefined : malformed();
  // What is not understood would be another log than was asked for.
  if (enabled.children.some(({ name }) => !parts.includes(name))) return malformed();
  const prefix = wantedText(enabled, 'TargetPrefix');
  if (Buffer.byteLength(prefix) > logPrefixBytesMax || prefix.includes('\0'))
    throw s3Error('InvalidArgument', `A prefix of logs has at most ${logPrefixBytesMax} bytes and no NUL`, {
      fields: { ArgumentName: 'TargetPrefix', ArgumentValue: prefix.slice(0, 64) },
    });
  return {
    bucket: wantedText(enabled, 'TargetBucket').trim(),
    prefix,
    naming: namingOf(childOf(enabled, 'TargetObjectKeyFormat')),
    grants: grantsOf(childOf(enabled, 'TargetGrants')),
  };
};

export const loggingText = (logging: AccessLogging | undefined): string => {
  if (!logging) return root('BucketLoggingStatus', []);
  const { bucket, prefix, naming, grants } = logging;
  const format =
    naming === 'SimplePrefix'
      ? element('SimplePrefix', [])
      : element('PartitionedPrefix', [element('PartitionDateSource', naming ?? '')]);
  return root('BucketLoggingStatus', [
    element('LoggingEnabled', [
      element('TargetBucket', bucket),
      optional('TargetGrants', grants?.map(grantXml)),
      element('TargetPrefix', prefix),
      optional('TargetObjectKeyFormat', naming && [format]),
    ]),
  ]);
};
