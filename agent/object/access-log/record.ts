/**
 * A request as a line of a server access log: Amazon's fields in Amazon's order, so that what reads its logs reads these. A dash
 * is what is not known, or does not apply. Pure.
 *
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/LogFormat.html
 */
import { accessFieldCharactersMax } from '../limits.ts';

export interface AccessRecord {
  /** Of the bucket: a project. */
  readonly owner: string;
  readonly bucket: string;
  /** When it came. */
  readonly atMs: number;
  readonly address: string;
  /** As policies name it. */
  readonly requester: string | undefined;
  readonly requestId: string;
  /** `REST.GET.OBJECT`. */
  readonly operation: string;
  readonly key: string;
  /** `GET /photos/1.jpg HTTP/1.1`. */
  readonly request: string | undefined;
  readonly status: number | undefined;
  readonly errorCode: string | undefined;
  readonly bytesSent: number | undefined;
  readonly objectBytes: number | undefined;
  readonly totalMs: number | undefined;
  /** From the end of the request to the begin of the answer. */
  readonly turnMs: number | undefined;
  readonly referrer: string | undefined;
  readonly userAgent: string | undefined;
  readonly versionId: string | undefined;
  readonly signature: 'SigV2' | 'SigV4' | undefined;
  readonly authType: 'AuthHeader' | 'QueryString' | undefined;
  readonly host: string | undefined;
  /** An access list let it in, nothing else did. */
  readonly isByList: boolean;
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** `[06/Feb/2019:00:00:38 +0000]`. */
const timeField = (atMs: number): string => {
  const [day = '', time = ''] = new Date(atMs).toISOString().split(/[T.]/);
  const [year, month, date] = day.split('-');
  return `[${date}/${months[Number(month) - 1]}/${year}:${time} +0000]`;
};

/** Senders choose it: none of it may end a field or a line. */
const tame = (text: string, strange: RegExp): string =>
  text
    .slice(0, accessFieldCharactersMax)
    .toWellFormed()
    .replaceAll(strange, (letter) =>
      letter < '\x80'
        ? `%${letter.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`
        : encodeURIComponent(letter),
    );

const bare = (value: string | number | undefined): string =>
  value === undefined || value === '' ? '-' : tame(String(value), /[^!#-[\]-~]/gu);

const quoted = (text: string | undefined): string =>
  `"${text === undefined || text === '' ? '-' : tame(text, /[^ !#-[\]-~]/gu)}"`;

const keyField = (key: string): string =>
  key === '' ? '-' : encodeURIComponent(key.toWellFormed()).replaceAll('%2F', '/');

const rounded = (ms: number | undefined): number | undefined =>
  ms === undefined ? undefined : Math.round(ms);

/** Without the end of the line. */
export const lineOf = (record: AccessRecord): string =>
  [
    bare(record.owner),
    bare(record.bucket),
    timeField(record.atMs),
    bare(record.address),
    bare(record.requester),
    bare(record.requestId),
    record.operation,
    keyField(record.key),
    quoted(record.request),
    bare(record.status),
    bare(record.errorCode),
    bare(record.bytesSent),
    bare(record.objectBytes),
    bare(rounded(record.totalMs)),
    bare(rounded(record.turnMs)),
    quoted(record.referrer),
    quoted(record.userAgent),
    bare(record.versionId),
    // Amazon's second id of a request is the first one here.
    bare(record.requestId),
    bare(record.signature),
    // Cipher: TLS ends before this door.
    '-',
    bare(record.authType),
    bare(record.host),
    // Its version, and an access point.
    '-',
    '-',
    record.isByList ? 'Yes' : '-',
  ].join(' ');
