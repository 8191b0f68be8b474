/** Planted bugs of a host that watches the others. */
import { hourMs } from '../../../proto/units.ts';
import { type MembershipParts, soundParts } from '../scenario/membership.ts';

/** A year is never within a run. */
const neverMs = 365 * 24 * hourMs;

const lostForGood: MembershipParts = { ...soundParts, settings: { reconnectPeriodMs: neverMs } };

const hastyBurial: MembershipParts = { ...soundParts, settings: { suspicionFactor: 0 } };

/** Its time goes on though the suspect has refuted: nobody looks whether the timer is still one of a suspicion that stands. */
const timerAfterRefutal: MembershipParts = {
  ...soundParts,
  handleTimer(core, timer, runtime) {
    const fact = timer.kind === 'suspicion' ? core.get(timer.host) : undefined;
    if (fact && fact.state === 'alive') core.learn([{ ...fact, state: 'dead' }], runtime);
    else core.handleTimer(timer, runtime);
  },
};

export const membershipBugs = {
  'a host that never tries those again that it lost': lostForGood,
  'a suspect that gets no time to refute': hastyBurial,
  'a timer that goes off after its suspicion was refuted': timerAfterRefutal,
} satisfies Record<string, MembershipParts>;
