// The project switch: a form that a page without script shows with a button, and with script obeys at once.

/** Without a form on the page nothing happens. */
export function projectSwitch() {
  const select = document.querySelector(".switch select");
  if (!(select instanceof HTMLSelectElement)) return;
  const form = select.form;
  form?.querySelector("[data-without-script]")?.remove();
  const go = () => {
    const here = new URL(location.href);
    if (select.value) here.searchParams.set("project", select.value);
    else here.searchParams.delete("project");
    location.assign(here);
  };
  select.addEventListener("change", go);
  // A page that the browser kept comes back as it was left: with the choice that led away from it.
  addEventListener("pageshow", (shown) => shown.persisted && form?.reset());
  // Who was quicker than the script has chosen already.
  if (select.value !== asSent(select)) go();
}

/**
 * The value that the server had selected.
 * @param {HTMLSelectElement} select
 */
function asSent(select) {
  return (Array.from(select.options).find((option) => option.defaultSelected) ?? select.options[0])?.value;
}
