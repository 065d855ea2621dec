// What outlives a reload: pictures with their results, and the choices, in the browser's own store.
// Where there is none, or it is full, the page works all the same.
const NAME = "pimenton";
const VERSION = 1;
let opened = null;

const answered = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

function open() {
  const request = indexedDB.open(NAME, VERSION);
  request.onupgradeneeded = () => {
    request.result.createObjectStore("pictures", { keyPath: "id" });
    request.result.createObjectStore("choices");
  };
  return answered(request);
}

async function inStore(name, mode, act) {
  try {
    opened ??= open();
    return await answered(act((await opened).transaction(name, mode).objectStore(name)));
  } catch {
    return undefined;
  }
}

export const keepPicture = ({ id, name, path, blob, locks, result }) =>
  inStore("pictures", "readwrite", (store) => store.put({ id, name, path, blob, locks, result }));

export const forgetPicture = (id) => inStore("pictures", "readwrite", (store) => store.delete(id));

// In the order in which they came.
export const pictures = async () => (await inStore("pictures", "readonly", (store) => store.getAll())) ?? [];

export const keep = (name, value) => inStore("choices", "readwrite", (store) => store.put(value, name));

export const kept = (name) => inStore("choices", "readonly", (store) => store.get(name));
