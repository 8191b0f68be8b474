/** Object lock in headers and XML. Pure. */
import type { DefaultRetention } from '../bucket-settings.ts';
import { type Lock, type LockMode, lockModes, type Retention } from '../lock.ts';
import type { ContainerRow } from '../records.ts';
import type { S3Ask } from './ask.ts';
import { retentionDaysMax, retentionYearsMax } from './limits.ts';
import { s3Error } from './s3-error.ts';
import { element, optional, root } from './xml.ts';
import { childOf, textOf, type XmlNode } from './xml-reader.ts';

const parseMode = (text: string | undefined): LockMode => {
  const mode = lockModes.find((known) => known === text);
  if (!mode) throw s3Error('MalformedXML');
  return mode;
};

/** Throws InvalidArgument on what is no moment to come. */
const parseUntil = (text: string | undefined, nowMs: number): number => {
  const untilMs = /^\d{4}-\d\d-\d\dT/.test(text ?? '') ? Date.parse(text ?? '') : Number.NaN;
  if (Number.isNaN(untilMs))
    throw s3Error('InvalidArgument', 'The retain until date must be provided in ISO 8601 format');
  if (untilMs <= nowMs) throw s3Error('InvalidArgument', 'The retain until date must be in the future!');
  return untilMs;
};

const parseHold = (text: string | undefined, code: 'InvalidArgument' | 'MalformedXML'): boolean => {
  if (text !== 'ON' && text !== 'OFF') throw s3Error(code);
  return text === 'ON';
};

/** Throws InvalidRequest where the bucket has no locks. */
export const wantLocks = ({ bucket }: ContainerRow): void => {
  if (!bucket?.lock) throw s3Error('InvalidRequest', 'Bucket is missing Object Lock Configuration');
};

/** The headers of an upload. Throws InvalidArgument, InvalidRequest. */
export const lockAsked = (
  { headers }: Pick<S3Ask, 'headers'>,
  container: ContainerRow,
  nowMs: number,
): Lock | undefined => {
  const mode = headers['x-amz-object-lock-mode'];
  const until = headers['x-amz-object-lock-retain-until-date'];
  const hold = headers['x-amz-object-lock-legal-hold'];
  if (mode === undefined && until === undefined && hold === undefined) return undefined;
  wantLocks(container);
  if ((mode === undefined) !== (until === undefined))
    throw s3Error(
      'InvalidArgument',
      'x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied',
    );
  if (mode !== undefined && !lockModes.some((known) => known === mode))
    throw s3Error('InvalidArgument', 'Unknown wormMode directive.');
  return {
    ...(mode === undefined
      ? {}
      : { retention: { mode: parseMode(mode), untilMs: parseUntil(until, nowMs) } }),
    ...(hold === undefined ? {} : { hold: parseHold(hold, 'InvalidArgument') }),
  };
};

export const lockHeaders = (lock: Lock | undefined): Record<string, string> => ({
  ...(lock?.retention
    ? {
        'x-amz-object-lock-mode': lock.retention.mode,
        'x-amz-object-lock-retain-until-date': new Date(lock.retention.untilMs).toISOString(),
      }
    : {}),
  ...(lock?.hold === undefined ? {} : { 'x-amz-object-lock-legal-hold': lock.hold ? 'ON' : 'OFF' }),
});

/** `Retention`; undefined: without mode and date, it is to be taken off. Throws MalformedXML, InvalidArgument. */
export const parseRetention = (node: XmlNode, nowMs: number): Retention | undefined => {
  const [mode, until] = [textOf(node, 'Mode'), textOf(node, 'RetainUntilDate')];
  if (mode === undefined && until === undefined) return undefined;
  if (mode === undefined || until === undefined) throw s3Error('MalformedXML');
  return { mode: parseMode(mode), untilMs: parseUntil(until, nowMs) };
};

export const retentionText = ({ mode, untilMs }: Retention): string =>
  root('Retention', [element('Mode', mode), element('RetainUntilDate', new Date(untilMs).toISOString())]);

export const parseHoldXml = (node: XmlNode): boolean => parseHold(textOf(node, 'Status'), 'MalformedXML');
export const holdText = (hold: boolean): string =>
  root('LegalHold', [element('Status', hold ? 'ON' : 'OFF')]);

const wholeNumber = (text: string | undefined, max: number): number | undefined => {
  if (text === undefined) return undefined;
  const value = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (value < 1)
    throw s3Error('InvalidArgument', 'Default retention period must be a positive integer value');
  if (value > max) throw s3Error('InvalidArgument', 'Default retention period too large');
  return value;
};

/** `ObjectLockConfiguration`. Throws MalformedXML, InvalidArgument. */
export const parseConfiguration = (node: XmlNode): { readonly retention?: DefaultRetention } => {
  if (textOf(node, 'ObjectLockEnabled') !== 'Enabled') throw s3Error('MalformedXML');
  const rule = childOf(node, 'Rule');
  if (!rule) return {};
  const retention = childOf(rule, 'DefaultRetention');
  if (!retention) throw s3Error('MalformedXML');
  const mode = parseMode(textOf(retention, 'Mode'));
  const days = wholeNumber(textOf(retention, 'Days'), retentionDaysMax);
  const years = wholeNumber(textOf(retention, 'Years'), retentionYearsMax);
  if ((days === undefined) === (years === undefined)) throw s3Error('MalformedXML');
  return {
    retention: { mode, ...(days === undefined ? {} : { days }), ...(years === undefined ? {} : { years }) },
  };
};

export const configurationText = (retention: DefaultRetention | undefined): string =>
  root('ObjectLockConfiguration', [
    element('ObjectLockEnabled', 'Enabled'),
    optional(
      'Rule',
      retention && [
        element('DefaultRetention', [
          element('Mode', retention.mode),
          optional('Days', retention.days),
          optional('Years', retention.years),
        ]),
      ],
    ),
  ]);
