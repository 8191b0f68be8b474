/**
 * Sending an event to whom the operator named. Callers of the API choose among names and never an address, so no bucket
 * makes a host call where its operator does not want it to; what answers can send it nowhere else and keep it busy no
 * longer than `webhookWaitMs`.
 */
import { webhookWaitMs } from '../limits.ts';

export interface Webhook {
  /** As ARNs name it. */
  readonly name: string;
  /** `http:` or `https:`. */
  readonly url: string;
  /** Sent as `Authorization: Bearer`. */
  readonly token?: string | undefined;
}

/** taken: 2xx. refused: it looked at this event and does not want it, now or later. failed: try again. */
export type Delivery =
  | { readonly kind: 'taken' }
  | { readonly kind: 'refused' | 'failed'; readonly why: string };

/** Of the answers that say "not this one": anything else may be the receiver's trouble, not the event's. */
const refusals: readonly number[] = [400, 413, 415, 422];

export const sendEvent = async (
  { url, token }: Webhook,
  text: string,
  signal: AbortSignal,
): Promise<Delivery> => {
  try {
    const answer = await fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'user-agent': 'shoal',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      body: text,
      // Where it leads was not named by the operator.
      redirect: 'manual',
      signal: AbortSignal.any([signal, AbortSignal.timeout(webhookWaitMs)]),
    });
    // What it has to say beyond its status is not read.
    await answer.body?.cancel();
    if (answer.ok) return { kind: 'taken' };
    return { kind: refusals.includes(answer.status) ? 'refused' : 'failed', why: `status ${answer.status}` };
  } catch (thrown) {
    signal.throwIfAborted();
    const { cause, message } = thrown instanceof Error ? thrown : new Error(String(thrown));
    return { kind: 'failed', why: cause instanceof Error ? cause.message : message };
  }
};
