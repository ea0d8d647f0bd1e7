/**
 * The browser's spool: batches and events that the server may still ask for, in IndexedDB,
 * encrypted with a key that no script can read out. Survives a reload and a crash of the browser;
 * erased when settled and at the end. Where IndexedDB cannot be had, memory stands in for it.
 */
import { Backlog, thin } from "./backlog.js";

const DATABASE = "candor-spool";
const VERSION = 1;
const STORES = Object.freeze({ about: "about", batches: "batches", events: "events" });

/** Memory is smaller than a disk. */
const MEMORY_BOUNDS = Object.freeze({ ms: 10 * 60_000, bytes: 40_000_000 });

/** Batches of the last seconds are sent without being read again. */
const WARM = 6;

/**
 * @typedef {{id: "about", count: string, sessionId: string, nextSeq: number,
 *   offsetMs: number | null, run: string, key: CryptoKey | null}} About
 * @typedef {{load: () => Promise<{about: About | null, batches: any[], events: any[]}>,
 *   put: (store: string, value: any, about?: About) => Promise<void>,
 *   get: (store: string, key: any) => Promise<any>,
 *   remove: (store: string, keys: any[]) => Promise<void>, clear: () => Promise<void>}} Shelf
 */

/** Keeps nothing beyond the page. @implements {Shelf} */
export class MemoryShelf {
  constructor() {
    /** @type {Map<string, any>} */
    this.kept = new Map();
  }

  async load() {
    return { about: /** @type {About | null} */ (null), batches: [], events: [] };
  }

  /** @param {string} store @param {any} value */
  async put(store, value) {
    this.kept.set(`${store}:${value.seq ?? value.id}`, value);
  }

  /** @param {string} store @param {any} key */
  async get(store, key) {
    return this.kept.get(`${store}:${key}`);
  }

  /** @param {string} store @param {any[]} keys */
  async remove(store, keys) {
    for (const key of keys) this.kept.delete(`${store}:${key}`);
  }

  async clear() {
    this.kept.clear();
  }
}

/** One database of this origin. @implements {Shelf} */
export class DatabaseShelf {
  /** @param {IDBDatabase} database */
  constructor(database) {
    this.database = database;
  }

  /** @returns {Promise<DatabaseShelf>} */
  static open() {
    return new Promise((resolve, reject) => {
      const request = indexedDB.open(DATABASE, VERSION);
      request.onupgradeneeded = () => {
        request.result.createObjectStore(STORES.about, { keyPath: "id" });
        request.result.createObjectStore(STORES.batches, { keyPath: "seq" });
        request.result.createObjectStore(STORES.events, { keyPath: "id" });
      };
      request.onsuccess = () => resolve(new DatabaseShelf(request.result));
      request.onerror = () => reject(request.error);
      request.onblocked = () => reject(new Error("The spool is in use by another version."));
    });
  }

  async load() {
    const read = (/** @type {string} */ store) => this.ask(store, (each) => each.getAll());
    const [about] = /** @type {About[]} */ (await read(STORES.about));
    /** @type {any[]} */
    const batches = [];
    await this.walk(STORES.batches, ({ seq, about: facts }) => batches.push({ seq, ...facts }));
    return { about: about ?? null, batches, events: await read(STORES.events) };
  }

  /** @param {string} store @param {any} value @param {About} [about] */
  put(store, value, about) {
    const names = about ? [store, STORES.about] : [store];
    return this.change(names, (transaction) => {
      transaction.objectStore(store).put(value);
      if (about) transaction.objectStore(STORES.about).put(about);
    });
  }

  /** @param {string} store @param {any} key */
  get(store, key) {
    return this.ask(store, (each) => each.get(key));
  }

  /** @param {string} store @param {any[]} keys */
  remove(store, keys) {
    return this.change([store], (transaction) => {
      for (const key of keys) transaction.objectStore(store).delete(key);
    });
  }

  clear() {
    const all = Object.values(STORES);
    return this.change(all, (transaction) => {
      for (const store of all) transaction.objectStore(store).clear();
    });
  }

  /** @param {string[]} stores @param {(transaction: IDBTransaction) => void} work */
  change(stores, work) {
    return /** @type {Promise<void>} */ (
      new Promise((resolve, reject) => {
        const transaction = this.database.transaction(stores, "readwrite");
        transaction.oncomplete = () => resolve();
        transaction.onerror = transaction.onabort = () => reject(transaction.error);
        work(transaction);
      })
    );
  }

  /** @param {string} store @param {(store: IDBObjectStore) => IDBRequest} question */
  ask(store, question) {
    return /** @type {Promise<any>} */ (
      new Promise((resolve, reject) => {
        const request = question(this.database.transaction(store).objectStore(store));
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
      })
    );
  }

  /** @param {string} store @param {(value: any) => void} visit one at a time, to spare memory */
  walk(store, visit) {
    return /** @type {Promise<void>} */ (
      new Promise((resolve, reject) => {
        const request = this.database.transaction(store).objectStore(store).openCursor();
        request.onerror = () => reject(request.error);
        request.onsuccess = () => {
          const cursor = request.result;
          if (!cursor) return resolve();
          visit(cursor.value);
          cursor.continue();
        };
      })
    );
  }
}

/** Everything is written in the order of the calls; a failing disk costs nothing but the spool. */
export class Spool {
  /**
   * @param {Shelf} shelf
   * @param {CryptoKey | null} key
   * @param {About} about
   * @param {{ms: number, bytes: number}} [bounds]
   */
  constructor(shelf, key, about, bounds) {
    this.shelf = shelf;
    this.key = key;
    this.about = about;
    this.backlog = new Backlog(bounds);
    /** @type {Map<number, import("./outbox.js").Batch>} */
    this.warm = new Map();
    /** Events of an earlier page that were not settled. @type {any[]} */
    this.keptEvents = [];
    this.failures = 0;
    this.isClosed = false;
    /** @type {Promise<unknown>} */
    this.writing = Promise.resolve();
  }

  /**
   * Takes up what an earlier page left, or begins anew.
   * @returns {Promise<Spool>}
   */
  static async open() {
    try {
      const shelf = await DatabaseShelf.open();
      const { about, batches, events } = await shelf.load();
      const key = about?.key ?? (await newKey());
      const spool = new Spool(shelf, key, about ?? newAbout(key));
      for (const facts of batches) spool.backlog.add({ ...facts, isAcked: facts.isAcked ?? false });
      for (const event of events) spool.keptEvents.push(await spool.unseal(event));
      return spool;
    } catch {
      return Spool.inMemory();
    }
  }

  static inMemory() {
    return new Spool(new MemoryShelf(), null, newAbout(null), MEMORY_BOUNDS);
  }

  /**
   * The spool belongs to one session: what another one left is erased.
   * @param {string} sessionId
   * @returns {boolean} whether what was kept is of this session
   */
  belongTo(sessionId) {
    if (this.about.sessionId === sessionId) return true;
    const isOther = this.about.sessionId !== "";
    if (isOther) {
      this.backlog = new Backlog(this.backlog.bounds);
      this.warm.clear();
      this.keptEvents = [];
      this.about = { ...newAbout(this.key), count: this.about.count };
      this.write(() => this.shelf.clear());
    }
    this.about.sessionId = sessionId;
    this.note();
    return !isOther;
  }

  /** Keeps what is known of the count and the clocks. */
  note() {
    const about = { ...this.about };
    this.write(() => this.shelf.put(STORES.about, about));
  }

  /**
   * @param {import("./outbox.js").Batch} batch
   * @param {{fromMs: number, toMs: number, isSuspicious?: boolean}} span
   */
  add(batch, { fromMs, toMs, isSuspicious = false }) {
    const { seq } = batch.header;
    this.about.nextSeq = Math.max(this.about.nextSeq, seq + 1);
    const bytes = batch.body.length + 500;
    this.backlog.add({ seq, fromMs, toMs, bytes, isAcked: false, isSuspicious });
    this.warm.set(seq, batch);
    for (const old of this.warm.keys()) if (this.warm.size > WARM) this.warm.delete(old);
    this.store(batch);
  }

  /** @param {import("./outbox.js").Batch} batch */
  store(batch) {
    const about = { ...this.about };
    this.write(async () => {
      const { seq } = batch.header;
      const facts = this.backlog.entries.get(seq);
      if (!facts) return;
      const sealed = await this.seal(batch);
      await this.shelf.put(STORES.batches, { seq, about: { ...facts }, ...sealed }, about);
    });
  }

  /**
   * @param {number} seq
   * @returns {Promise<import("./outbox.js").Batch | null>}
   */
  async read(seq) {
    const warm = this.warm.get(seq);
    if (warm) return warm;
    await this.writing;
    try {
      const stored = await this.shelf.get(STORES.batches, seq);
      return stored ? await this.unseal(stored) : null;
    } catch {
      this.failures += 1;
      return null;
    }
  }

  /** @param {number} settledSeq */
  settle(settledSeq) {
    const gone = this.backlog.settle(settledSeq);
    this.erase(gone);
  }

  /** @param {number[]} seqs */
  erase(seqs) {
    if (seqs.length === 0) return;
    for (const seq of seqs) this.warm.delete(seq);
    this.write(() => this.shelf.remove(STORES.batches, seqs));
  }

  /**
   * Makes room where there is too little.
   * @param {number} nowMs
   * @returns {{fromMs: number, toMs: number}[]} spans of which pictures were lost
   */
  tidy(nowMs) {
    const { gone, thinner } = this.backlog.excess(nowMs);
    this.erase(gone.map(({ seq }) => seq));
    for (const entry of thinner) this.write(() => this.makeThinner(entry.seq, entry.thinned));
    return [...gone, ...thinner.filter(({ thinned }) => thinned >= 3)];
  }

  /**
   * @param {number} seq
   * @param {import("./backlog.js").Thinned} thinned
   */
  async makeThinner(seq, thinned) {
    const stored = this.warm.get(seq) ?? (await this.shelf.get(STORES.batches, seq).then(
      (found) => (found ? this.unseal(found) : null),
    ));
    const facts = this.backlog.entries.get(seq);
    if (!stored || !facts) return;
    const less = thin(stored, thinned);
    this.warm.delete(seq);
    this.backlog.resize(seq, less.body.length + 500);
    const sealed = await this.seal(less);
    await this.shelf.put(STORES.batches, { seq, about: { ...facts }, ...sealed });
  }

  /** @param {import("./outbox.js").ScreenEvent} event */
  addEvent(event) {
    this.backlog.suspect(event.t);
    this.write(async () => {
      await this.shelf.put(STORES.events, { id: event.id, ...(await this.seal(event)) });
    });
  }

  /** @param {string[]} ids */
  eraseEvents(ids) {
    if (ids.length > 0) this.write(() => this.shelf.remove(STORES.events, ids));
  }

  /** The session is over: nothing of it stays in this browser. */
  close() {
    this.backlog = new Backlog(this.backlog.bounds);
    this.warm.clear();
    this.about = newAbout(null);
    this.isClosed = true;
    this.writing = this.writing.then(() => this.shelf.clear()).catch(() => {});
    return this.writing;
  }

  /** @param {() => Promise<unknown>} work */
  write(work) {
    if (this.isClosed) return;
    this.writing = this.writing.then(work).catch(() => {
      this.failures += 1;
    });
  }

  /** @param {object} value a batch or an event */
  async seal(value) {
    if (!this.key) return { value };
    const { body = new Uint8Array(), ...rest } = /** @type {any} */ (value);
    const text = new TextEncoder().encode(JSON.stringify(rest));
    const plain = new Uint8Array(4 + text.length + body.length);
    new DataView(plain.buffer).setUint32(0, text.length);
    plain.set(text, 4);
    plain.set(body, 4 + text.length);
    const iv = crypto.getRandomValues(new Uint8Array(12));
    const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv }, this.key, plain);
    return { iv, sealed };
  }

  /** @param {any} stored */
  async unseal({ iv, sealed, value }) {
    if (!this.key) return value;
    const opened = await crypto.subtle.decrypt({ name: "AES-GCM", iv }, this.key, sealed);
    const length = new DataView(opened).getUint32(0);
    const rest = JSON.parse(new TextDecoder().decode(new Uint8Array(opened, 4, length)));
    return { ...rest, body: new Uint8Array(opened.slice(4 + length)) };
  }
}

async function newKey() {
  return crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
}

/**
 * @param {CryptoKey | null} key
 * @returns {About}
 */
function newAbout(key) {
  const random = crypto.getRandomValues(new Uint8Array(12));
  const count = [...random].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return { id: "about", count, sessionId: "", nextSeq: 0, offsetMs: null, run: "", key };
}
