/** Timings that belong together. A rehearsal on one machine may be quicker than hosts on a network. */
import { lanSettings, loopbackSettings } from '../membership/settings.ts';
import { defaultSettings, rehearsalSettings } from '../ring/settings.ts';

export const profiles = {
  lan: {
    swim: lanSettings,
    ring: defaultSettings,
    mdns: true,
  },
  rehearsal: {
    swim: loopbackSettings,
    ring: rehearsalSettings,
    // Every host of a rehearsal is told the addresses of the others; multicast would find other people's.
    mdns: false,
  },
} as const;
