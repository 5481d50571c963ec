/** Live images over one WebSocket: binary frames, newest only, each acknowledged after it was decoded. */
import type { Eyes } from './align';
import { QUIET_MS } from './stream';

interface FrameHeader {
  seq: number;
  lane: string;
  passage_id: string;
  channel: string;
  version: number;
  media_type: string;
  eyes: Eyes | null;
}

export type Picture = { passageId: string; bitmap: ImageBitmap | null; eyes: Eyes | null };
type Listener = (picture: Picture | null) => void;

/** Splits a frame: uint32 header length, header, image bytes. */
export function parseFrame(frame: ArrayBuffer): { header: FrameHeader; image: Uint8Array<ArrayBuffer> } {
  const length = new DataView(frame).getUint32(0);
  const head = new TextDecoder().decode(new Uint8Array(frame, 4, length));
  return { header: JSON.parse(head) as FrameHeader, image: new Uint8Array(frame, 4 + length) };
}

const RETRY_MS = 1000;
const LIVE = 'live';
/** As long as any link may be silent: after that a live picture is an old one. */
const FRESH_MS = QUIET_MS;
const key = (lane: string, channel: string): string => `${lane}\n${channel}`;

export class ImageLink {
  #socket: WebSocket | null = null;
  #watched: string[] = [];
  #look: { lane: string; look_id: string } | null = null;
  #pictures = new Map<string, Picture>();
  #listeners = new Map<string, Set<Listener>>();
  #closed = false;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #stale: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly onLink: (up: boolean) => void) {
    this.#connect();
  }

  /** Lanes whose images are wanted; pictures of other lanes are forgotten. */
  watch(lanes: string[]): void {
    if (lanes.join('\n') === this.#watched.join('\n')) return;
    this.#watched = lanes;
    for (const each of [...this.#pictures.keys()]) {
      if (!lanes.includes(each.split('\n')[0]!)) this.#put(each, null);
    }
    this.#say({ watch: lanes });
  }

  /** A maintainer's look whose pictures are wanted; it ends with this link. */
  look(lane: string, look_id: string): void {
    this.#look = { lane, look_id };
    this.#say({ look: this.#look });
  }

  /** Calls `listener` with the present picture of a channel and every newer one, until the returned function is called. */
  listen(lane: string, channel: string, listener: Listener): () => void {
    const name = key(lane, channel);
    const all = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, all.add(listener));
    listener(this.#pictures.get(name) ?? null);
    return () => all.delete(listener);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    clearTimeout(this.#stale);
    this.#socket?.close();
    for (const name of [...this.#pictures.keys()]) this.#put(name, null);
  }

  #say(message: object): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #connect(): void {
    const socket = new WebSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/api/images`);
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => {
      this.onLink(true);
      this.#say({ watch: this.#watched });
      if (this.#look) this.#say({ look: this.#look });
    };
    socket.onmessage = (message: MessageEvent<ArrayBuffer>) => void this.#frame(message.data);
    socket.onclose = () => {
      if (this.#closed) return;
      this.onLink(false);
      this.#nothingLive();
      this.#retry = setTimeout(() => this.#connect(), RETRY_MS);
    };
    this.#socket = socket;
  }

  async #frame(data: ArrayBuffer): Promise<void> {
    const { header, image } = parseFrame(data);
    let bitmap: ImageBitmap | null = null;
    if (image.byteLength > 0) {
      // An undecodable image shows as missing; it must not stop the ones after it.
      bitmap = await createImageBitmap(new Blob([image], { type: header.media_type })).catch(() => null);
    }
    this.#put(key(header.lane, header.channel), { passageId: header.passage_id, bitmap, eyes: header.eyes });
    this.#say({ ack: header.seq });
    if (header.channel !== LIVE) return;
    clearTimeout(this.#stale);
    this.#stale = setTimeout(() => this.#nothingLive(), FRESH_MS);
  }

  /** An old face must not pass for the one of now. */
  #nothingLive(): void {
    for (const name of [...this.#pictures.keys()]) if (name.endsWith(key('', LIVE))) this.#put(name, null);
  }

  #put(name: string, picture: Picture | null): void {
    const old = this.#pictures.get(name);
    if (picture === null) this.#pictures.delete(name);
    else this.#pictures.set(name, picture);
    for (const listener of this.#listeners.get(name) ?? []) listener(picture);
    old?.bitmap?.close();
  }
}
