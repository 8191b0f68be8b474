/**
 * Refused sign-ins in the journal. Whoever guesses keys must not fill it: of each key the first refusal is told at once, and
 * once a minute how many came after it; more keys than `refusedKeysMax` at a time are told together.
 */
import { asShoalError } from '../../../proto/error.ts';
import type { RequestId } from '../../../proto/ids.ts';
import type { Journal } from '../../journal/port.ts';
import type { Runtime } from '../../runtime/ports.ts';
import { refusalsToldMs, refusedKeysMax } from './limits.ts';
import { type S3Code, s3CodeOf, s3Codes } from './s3-error.ts';

export interface Refused {
  /** Right or wrong; '': its claim cannot be read. undefined: it claims nothing, so nobody was refused. */
  readonly access: string | undefined;
  readonly address: string;
  readonly requestId: RequestId;
}

interface Minute {
  /** Since it was told last. */
  count: number;
  last: { readonly code: S3Code; readonly address: string };
  readonly cancel: () => void;
}

const others = '*';
/** The longest that identity gives out has 32; a claim may say anything. */
const accessShownMax = 128;

/** Neither what is wrong with the request besides, nor that nobody could tell. */
const isRefusal = (code: S3Code): boolean => s3Codes[code].http === 403 || code.startsWith('Authorization');

export interface Refusals {
  note(thrown: unknown, refused: Refused): void;
  /** Tells what is left. */
  stop(): void;
}

export const openRefusals = ({
  runtime: { timers },
  journal,
}: {
  readonly runtime: Pick<Runtime, 'timers'>;
  readonly journal: Pick<Journal, 'append'>;
}): Refusals => {
  const minutes = new Map<string, Minute>();

  const tell = (
    access: string,
    requestId: RequestId | null,
    detail: { readonly code: S3Code; readonly address: string; readonly count?: number },
  ): void =>
    journal.append({
      ...{ requestId, actor: null, action: 's3.sign-in', target: access, outcome: 'refused', detail },
    });

  const tellRest = (access: string, { count, last }: Minute): void => {
    if (count > 0) tell(access, null, { ...last, count });
  };

  const end = (access: string): void => {
    const minute = minutes.get(access);
    minutes.delete(access);
    if (!minute) return;
    tellRest(access, minute);
    if (minute.count > 0) begin(access, minute.last);
  };

  const begin = (access: string, last: Minute['last']): void => {
    minutes.set(access, { count: 0, last, cancel: timers.after(refusalsToldMs, () => end(access)) });
  };

  return {
    note(thrown, { access, address, requestId }) {
      const code = s3CodeOf(asShoalError(thrown));
      if (access === undefined || !isRefusal(code)) return;
      const named = access.slice(0, accessShownMax) || others;
      const key = minutes.has(named) || minutes.size < refusedKeysMax ? named : others;
      const minute = minutes.get(key);
      if (minute) {
        minute.count += 1;
        minute.last = { code, address };
        return;
      }
      tell(key, requestId, { code, address });
      begin(key, { code, address });
    },
    stop() {
      for (const [access, minute] of minutes) {
        minute.cancel();
        tellRest(access, minute);
      }
      minutes.clear();
    },
  };
};
