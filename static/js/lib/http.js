/** Talks to the server's REST routes from a page, with the login cookie. */

/** A refusal in the server's words. */
export class Refusal extends Error {
  /**
   * @param {string} code
   * @param {string} message
   * @param {number} status
   */
  constructor(code, message, status) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

const TIMEOUT_MS = 15_000;

/**
 * @param {string} path
 * @param {{token?: string}} [options] a student's token, instead of the cookie
 * @returns {Promise<any>}
 */
export function getJson(path, { token } = {}) {
  return request(path, { headers: token ? { Authorization: `Bearer ${token}` } : {} });
}

/**
 * @param {string} path
 * @param {object} body
 * @returns {Promise<any>}
 */
export function postJson(path, body) {
  return send("POST", path, body, {});
}

/**
 * @param {string} path
 * @param {object} body
 * @returns {Promise<any>}
 */
export function putJson(path, body) {
  return send("PUT", path, body, {});
}

/**
 * With a student's token instead of the cookie.
 * @param {"POST" | "PUT"} method
 * @param {string} path
 * @param {object} body
 * @param {string} token
 * @returns {Promise<any>}
 */
export function sendAs(method, path, body, token) {
  return send(method, path, body, { Authorization: `Bearer ${token}` });
}

/**
 * @param {string} method
 * @param {string} path
 * @param {object} body
 * @param {Record<string, string>} more headers
 */
function send(method, path, body, more) {
  return request(path, {
    method,
    headers: { "Content-Type": "application/json", "X-CSRFToken": csrf(), ...more },
    body: JSON.stringify(body),
  });
}

/**
 * Sends a file as it is.
 * @param {string} path
 * @param {Blob} bytes
 * @returns {Promise<any>}
 */
export function postBytes(path, bytes) {
  return request(path, {
    method: "POST",
    headers: { "Content-Type": "application/octet-stream", "X-CSRFToken": csrf() },
    body: bytes,
  });
}

/**
 * Sends a picture with a token of a student's or a phone's.
 * @param {"POST" | "PUT"} method
 * @param {string} path
 * @param {Blob} jpeg
 * @param {string} token
 * @returns {Promise<any>}
 */
export function sendPicture(method, path, jpeg, token) {
  return request(path, {
    method,
    headers: { "Content-Type": "image/jpeg", Authorization: `Bearer ${token}` },
    body: jpeg,
  });
}

/**
 * @param {string} path
 * @param {string} token a student's
 * @returns {Promise<Blob | null>} null when it is not there, or the line is down
 */
export async function getPicture(path, token) {
  try {
    const headers = { Authorization: `Bearer ${token}` };
    const answer = await fetch(path, { headers, signal: AbortSignal.timeout(TIMEOUT_MS) });
    return answer.ok ? await answer.blob() : null;
  } catch {
    return null;
  }
}

function csrf() {
  return document.querySelector('meta[name="csrf-token"]')?.getAttribute("content") ?? "";
}

/**
 * @param {string} path
 * @param {RequestInit} options
 */
async function request(path, options) {
  let response;
  try {
    response = await fetch(path, { ...options, signal: AbortSignal.timeout(TIMEOUT_MS) });
  } catch {
    throw new Refusal("offline", "The server does not answer. Check your line, then try again.", 0);
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok || answer.success === false) {
    const { code = "error", message } = answer.error ?? {};
    throw new Refusal(code, message ?? `The server answered with ${response.status}.`, response.status);
  }
  return answer;
}
