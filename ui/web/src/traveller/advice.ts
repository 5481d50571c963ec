/** Which advice is shown in which step; the lane says it, the display holds it to the step it belongs to. */
import type { Advice, Step } from '../lib/api';
import { CATALOGUES } from '../lib/texts';

/** What helps while a document is read again; everything else helps before the camera. */
const OF_DOCUMENT: ReadonlySet<string> = new Set<Advice>(['lay_down_again', 'leave_it_there']);

/** The advice where it helps in this step, else none: of another step, or in words this page does not know. */
export function fitting(step: Step | 'link_lost', advice: Advice | null | undefined): Advice | null {
  if (!advice || !Object.hasOwn(CATALOGUES.en.advice, advice)) return null;
  return step === (OF_DOCUMENT.has(advice) ? 'reading_document' : 'look_at_camera') ? advice : null;
}
