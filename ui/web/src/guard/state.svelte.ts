/** What the guard's page knows now. Thin: the rules are in `lib/cases.ts`. */
import { SvelteMap } from 'svelte/reactivity';
import * as api from '../lib/api';
import { alarmEvery, heldCases, newsOf, noteEnded, openAlerts, pickCase, type Ended } from '../lib/cases';
import { ImageLink } from '../lib/images';
import { LINE_FROM } from '../lib/line';
import { said, t } from '../lib/say.svelte';
import { Sound } from '../lib/sound';
import { openStream, type Stream } from '../lib/stream';
import type { May } from '../people/api';
import { Confirmation } from '../people/confirm.svelte';

/** Use of mouse or keyboard is reported to the console at most this often. */
const TOUCH_MS = 30_000;
const LINE_KEPT = 'sallyport.line';
const NOBODY: api.SessionView = {
  officer: null,
  role: '',
  must_change: false,
  may: [],
  watch_s: 0,
  may_rename: false,
  second_officer: 'never',
  provider: '',
  escalations_only: false,
};

/** What a guard has typed about a case and not sent yet. */
export class Draft {
  reason = $state('');
  seen = $state(false);
}

export class GuardState {
  session = $state<api.SessionView | null>(null);
  lanes = new SvelteMap<string, api.LaneStatus>();
  linkUp = $state(false);
  everUp = $state(false);
  imagesUp = $state(true);
  soundOn = $state(false);
  /** Milliseconds to add to this machine's clock to get the console's. */
  offset = $state(0);
  now = $state(Date.now());
  sessionEnds = $state<string | null>(null);
  current = $state<string | null>(null);
  selectedLane = $state<string | null>(null);
  /** The lane of the line that is shown in detail. */
  opened = $state<string | null>(null);
  #lineChosen = $state(localStorage.getItem(LINE_KEPT));
  ended = $state.raw<Ended[]>([]);
  /** Which page fills the screen below the alarms. */
  view = $state('lanes');
  /** Said until it is taken away by hand. */
  warning = $state('');
  /** While the session passes to another, its old end is no signing out. */
  changingHands = false;
  /** What screen readers hear at once, and what they hear in turn. */
  alarmText = $state('');
  politeText = $state('');

  cases = $derived(heldCases(this.lanes.values()));
  shown = $derived(pickCase(this.cases, this.current));
  lostLanes = $derived([...this.lanes.values()].filter((each) => !each.reachable));
  alerts = $derived(openAlerts(this.lanes.values()));
  /** Cameras of posts that only watch which cannot be seen. */
  blind = $derived([...this.lanes.values()].some((each) => each.watch?.cameras.some((one) => one.link !== 'live')));
  statuses = $derived([...this.lanes.values()]);
  /** Whether the lanes are shown as a line: from so many on, unless this station has chosen. */
  asLine = $derived(this.#lineChosen === null ? this.lanes.size >= LINE_FROM : this.#lineChosen === 'line');

  readonly confirmation = new Confirmation();
  readonly sound = new Sound((on) => (this.soundOn = on));
  images = $state.raw<ImageLink | null>(null);
  #stream: Stream | null = null;
  /** What has come over a link just opened, until the pulse after the last lane: then all is new, and shown at once. */
  #fresh: api.LaneStatus[] | null = null;
  #known = new Set<string>();
  #drafts = new Map<string, Draft>();
  #touched = 0;
  #alarmed = 0;

  /** Signed in with a password of one's own: open the streams. */
  start(): void {
    if (this.#stream) return;
    if (this.may('see_travellers')) this.images = new ImageLink((up) => (this.imagesUp = up));
    this.#fresh = [];
    this.#stream = openStream<api.GuardEvent>(
      '/api/events',
      (event) => this.#take(event),
      (up) => (up ? undefined : this.#down()),
    );
  }

  stop(): void {
    this.#stream?.close();
    this.images?.close();
    this.#stream = this.images = null;
    this.lanes.clear();
    this.#known.clear();
    this.#drafts.clear();
    this.ended = [];
    this.current = this.selectedLane = this.opened = this.sessionEnds = null;
    this.linkUp = this.everUp = false;
    this.alarmText = this.politeText = this.warning = '';
    this.confirmation.wanted?.cancel();
    this.view = 'lanes';
  }

  /** What the session's role permits; the console asks again at every request. */
  may(what: May): boolean {
    return this.session?.may.includes(what) ?? false;
  }

  /** Another session has taken this one's place: new streams first, so that the lanes stay watched throughout. */
  relieved(session: api.SessionView): void {
    const [stream, images] = [this.#stream, this.images];
    const another = session.officer !== this.session?.officer;
    this.#stream = this.images = null;
    this.session = session;
    this.start();
    stream?.close();
    images?.close();
    if (!another) return;
    this.#drafts.clear();
    this.view = 'lanes';
  }

  async refresh(): Promise<void> {
    try {
      this.signed(await api.session());
    } catch {
      // The stream's own retry goes on; the page shows that the console is lost.
    }
  }

  signed(session: api.SessionView): void {
    this.session = session;
    if (session.officer && !session.must_change) this.start();
    else this.stop();
  }

  /** Once a second. */
  tick(): void {
    this.now = Date.now();
    const every = alarmEvery(this.cases, this.everUp && (!this.linkUp || this.lostLanes.length > 0), this.alerts.length);
    if (every !== null && this.now - this.#alarmed >= every * 1000) this.#alarm(every === 3);
  }

  /** A key or a click anywhere. */
  used(): void {
    if (!this.session?.officer || this.session.must_change || Date.now() - this.#touched < TOUCH_MS) return;
    this.#touched = Date.now();
    void api.touch().then(
      (session) => (this.session = session),
      () => undefined,
    );
  }

  /** Show the lanes as a line, or as tiles; this station keeps it. */
  chooseLine(line: boolean): void {
    this.#lineChosen = line ? 'line' : 'tiles';
    localStorage.setItem(LINE_KEPT, this.#lineChosen);
    this.opened = null;
  }

  draft(passageId: string): Draft {
    const draft = this.#drafts.get(passageId) ?? new Draft();
    this.#drafts.set(passageId, draft);
    return draft;
  }

  /** Seconds since a moment of the console's clock. */
  since(iso: string): number {
    return (this.now + this.offset - Date.parse(iso)) / 1000;
  }

  #alarm(urgent: boolean): void {
    this.#alarmed = Date.now();
    this.sound.play(urgent);
  }

  #up(): void {
    this.linkUp = this.everUp = true;
    this.alarmText = '';
  }

  #down(): void {
    this.#fresh = [];
    if (!this.linkUp) return;
    this.linkUp = false;
    this.alarmText = t('guard.consoleLostAlarm');
    this.#alarm(true);
    void this.refresh();
  }

  #take(event: api.GuardEvent): void {
    if (event.kind === 'signed_out') {
      if (!this.changingHands) this.signed({ ...NOBODY, provider: this.session?.provider ?? '' });
    } else if (event.kind === 'pulse') {
      this.offset = Date.parse(event.at) - Date.now();
      this.sessionEnds = event.session_ends;
      const fresh = this.#fresh;
      this.#fresh = null;
      if (!this.linkUp) this.#up();
      for (const each of fresh ?? []) this.#lane(each);
    } else if (this.#fresh) {
      this.#fresh.push(event);
    } else {
      this.#lane(event);
    }
  }

  #lane(status: api.LaneStatus): void {
    const before = this.lanes.get(status.lane);
    this.lanes.set(status.lane, status);
    if (status.snapshot) this.ended = noteEnded(this.ended, status.snapshot);
    if (before?.reachable && !status.reachable) {
      const lost = this.lostLanes.length;
      this.alarmText =
        lost > 1
          ? t('line.manyLostSaid', { count: lost })
          : t('guard.laneLostAlarm', { name: status.last?.lane_id ?? status.lane });
      this.#alarm(true);
    }
    for (const alert of status.watch?.alerts ?? []) {
      if (this.#known.has(alert.alert_id)) continue;
      this.#known.add(alert.alert_id);
      this.alarmText = t('guard.cameraAlarm', { camera: alert.camera, words: said(alert.words) });
      this.#alarm(false);
    }
    for (const each of this.cases) {
      if (this.#known.has(newsOf(each))) continue;
      this.#known.add(newsOf(each));
      const lane = each.snapshot.lane_id;
      this.alarmText = each.referral.escalated ? t('decide.escalated', { lane }) : t('guard.heldAlarm', { name: lane });
      this.#alarm(each.referral.escalated);
    }
    for (const passageId of this.#drafts.keys()) {
      if (!this.cases.some((each) => each.passage.passage_id === passageId)) this.#drafts.delete(passageId);
    }
    this.current = this.shown?.passage.passage_id ?? null;
    this.images?.watch(this.shown ? [this.shown.lane] : []);
  }
}
