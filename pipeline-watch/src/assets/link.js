// What is asked of the program. The token comes in the address behind the `#`, which is never sent; from there it goes into the
// session's storage and leaves the address, and it is sent in a header alone.

const KEPT = "brigade token";

export const token = () => sessionStorage.getItem(KEPT) ?? "";
export const setToken = (text) => sessionStorage.setItem(KEPT, text);

const told = new URLSearchParams(location.hash.slice(1)).get("token");
if (told) {
  setToken(told);
  history.replaceState(null, "", location.pathname + location.search);
}

const headers = (more) => ({ Authorization: `Bearer ${token()}`, ...more });

/** Calls `news` with every state; `broken` where there is none for now, and `locked` where the token is not known. */
export const listen = async ({ news, broken, locked }) => {
  for (let wait = 500; ; wait = Math.min(wait * 2, 8000)) {
    try {
      const answer = await fetch("api/events", { headers: headers(), cache: "no-store" });
      if (answer.status === 401) return locked();
      if (!answer.ok) throw new Error((await answer.text()).trim());
      for await (const text of events(answer.body)) {
        wait = 500;
        news(JSON.parse(text));
      }
      broken("the program has closed the connection");
    } catch (error) {
      broken(error instanceof TypeError ? "the program does not answer" : error.message);
    }
    await new Promise((resume) => setTimeout(resume, wait));
  }
};

/** The data of server-sent events. Read by `fetch`, for an `EventSource` sends no header. */
async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n\n");
    rest = parts.pop();
    for (const part of parts) {
      const lines = part.split("\n").filter((line) => line.startsWith("data:"));
      if (lines.length) yield lines.map((line) => line.slice(5).trimStart()).join("\n");
    }
  }
}

/** Has the program do something; what it says if it does not. */
export const act = async (pipeline, what, body) => {
  const path = `api/pipelines/${encodeURIComponent(pipeline)}/${what}`;
  try {
    const answer = await fetch(path, {
      method: "POST",
      headers: headers(body && { "Content-Type": "application/json" }),
      body: body && JSON.stringify(body),
    });
    return answer.ok ? "" : (await answer.text()).trim() || `${answer.status}`;
  } catch {
    return "the program does not answer";
  }
};
