// Calls of the server's HTTP API: JSON in and out, errors in plain words. Who is asking is the caller's affair (`credential`).

const TIMEOUT_MS = 15000;
const UPLOAD_TIMEOUT_MS = 10 * 60 * 1000;

export class ApiError extends Error {
  constructor(status, { message, code, param } = {}) {
    super(message || `The server answered with status ${status}.`);
    Object.assign(this, { status, code, param });
  }
}

async function answered(response) {
  if (response.status === 204) return {};
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw new ApiError(response.status, body.error);
  return body;
}

function unreachable(error) {
  if (error instanceof ApiError) throw error;
  throw new ApiError(0, { message: error.name === 'TimeoutError' ? 'The server took too long to answer.' : 'The server cannot be reached.' });
}

export function authorization(credential) {
  return credential ? { Authorization: `Bearer ${credential}` } : {};
}

/** `body`: an object, sent as JSON. */
export async function call(method, path, { body, credential } = {}) {
  const headers = authorization(credential);
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  try {
    return await answered(await fetch(new URL(path, location.href), {
      method, headers, body: body === undefined ? undefined : JSON.stringify(body), signal: AbortSignal.timeout(TIMEOUT_MS), cache: 'no-store',
    }));
  } catch (error) {
    return unreachable(error);
  }
}

/** The bytes of an answer, for saving as a file. */
export async function download(path, { credential } = {}) {
  try {
    const response = await fetch(new URL(path, location.href), { headers: authorization(credential), signal: AbortSignal.timeout(UPLOAD_TIMEOUT_MS) });
    if (!response.ok) await answered(response);
    return await response.blob();
  } catch (error) {
    return unreachable(error);
  }
}

/** Sends a form with a file; `progress` hears the share that has been sent, 0 to 1. fetch cannot tell it. */
export function upload(path, form, { credential, progress }) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('POST', new URL(path, location.href));
    request.timeout = UPLOAD_TIMEOUT_MS;
    request.responseType = 'json';
    for (const [name, value] of Object.entries(authorization(credential))) request.setRequestHeader(name, value);
    request.upload.onprogress = ({ loaded, total }) => progress(total ? loaded / total : 0);
    request.onload = () => {
      if (request.status >= 200 && request.status < 300) resolve(request.response ?? {});
      else reject(new ApiError(request.status, request.response?.error));
    };
    request.onerror = () => reject(new ApiError(0, { message: 'The server cannot be reached.' }));
    request.ontimeout = () => reject(new ApiError(0, { message: 'The upload took too long.' }));
    request.send(form);
  });
}

/** Offers a blob for saving. */
export function saveAs(blob, filename) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = filename;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
