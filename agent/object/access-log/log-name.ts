/** What an object with lines of a log is called. Pure. https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerLogs.html */

/** How log objects are named below their prefix, and whose day those with a date in their path mean. */
export const logNamings = ['SimplePrefix', 'EventTime', 'DeliveryTime'] as const;
export type LogNaming = (typeof logNamings)[number];

/** Of the day of events: `2026-11-25`. */
export const dayOf = (atMs: number): string => new Date(atMs).toISOString().slice(0, 10);

export interface LogOrigin {
  readonly project: string;
  readonly region: string;
  readonly bucket: string;
}

/** @param unique tells two apart that were delivered in the same second */
export const logName = (
  { prefix, naming = 'SimplePrefix' }: { readonly prefix: string; readonly naming?: LogNaming | undefined },
  { project, region, bucket }: LogOrigin,
  { day, atMs, unique }: { readonly day: string; readonly atMs: number; readonly unique: string },
): string => {
  const [today = '', time = ''] = new Date(atMs).toISOString().split(/[T.]/);
  const delivered = `${today}-${time.replaceAll(':', '-')}-${unique}`;
  if (naming === 'SimplePrefix') return prefix + delivered;
  const shownDay = naming === 'EventTime' ? day : today;
  const name = naming === 'EventTime' ? `${day}-00-00-00-${unique}` : delivered;
  return `${prefix}${project}/${region}/${bucket}/${shownDay.replaceAll('-', '/')}/${name}`;
};
