// The project switch: a form that a page without script shows with a button, and with script obeys at once.

/** Without a form on the page nothing happens. */
export function projectSwitch() {
  const select = document.querySelector(".switch select");
  if (!(select instanceof HTMLSelectElement)) return;
  select.form?.querySelector("[data-without-script]")?.remove();
  select.addEventListener("change", () => {
    const here = new URL(location.href);
    if (select.value) here.searchParams.set("project", select.value);
    else here.searchParams.delete("project");
    location.assign(here);
  });
}
