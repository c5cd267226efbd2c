// What a device keeps: scans that are not handed in yet, the ticket lists, and which tickets it has
// let in itself. In IndexedDB, so that a reload or an empty battery loses nothing; where a browser
// keeps nothing (some private windows) in memory, and `lasting()` says so.

const NAME = "usher-door";
const STORES = { scans: "nonce", lists: "event", used: "ticket" };
const memory = Object.fromEntries(Object.keys(STORES).map((name) => [name, new Map()]));

let opening = null;
function opened() {
  opening ??= new Promise((done) => {
    const none = () => done(null);
    try {
      const asked = indexedDB.open(NAME, 1);
      asked.onupgradeneeded = () => {
        for (const [name, keyPath] of Object.entries(STORES)) {
          asked.result.createObjectStore(name, { keyPath });
        }
      };
      asked.onsuccess = () => done(asked.result);
      asked.onerror = none;
      asked.onblocked = none;
    } catch {
      none();
    }
  });
  return opening;
}

/** Runs `work` on a store; done once it is on disk. */
async function on(name, mode, work) {
  const database = await opened();
  return new Promise((done, fail) => {
    const transaction = database.transaction(name, mode, { durability: "strict" });
    const asked = work(transaction.objectStore(name));
    transaction.oncomplete = () => done(asked?.result);
    transaction.onabort = () => fail(transaction.error);
  });
}

/** Whether what is kept outlives this page. */
export const lasting = async () => (await opened()) !== null;

/** Keeps `values`, each under its own key. */
export async function put(name, ...values) {
  if (await lasting()) {
    await on(name, "readwrite", (store) => {
      for (const value of values) store.put(value);
    });
  } else for (const value of values) memory[name].set(value[STORES[name]], value);
}

export async function drop(name, ...keys) {
  if (await lasting()) {
    await on(name, "readwrite", (store) => {
      for (const key of keys) store.delete(key);
    });
  } else for (const key of keys) memory[name].delete(key);
}

export async function get(name, key) {
  if (await lasting()) return on(name, "readonly", (store) => store.get(key));
  return memory[name].get(key);
}

/** All of a store that belong to an event. */
export async function all(name, event) {
  const found = (await lasting())
    ? await on(name, "readonly", (store) => store.getAll())
    : [...memory[name].values()];
  return found.filter((each) => each.event === event);
}
