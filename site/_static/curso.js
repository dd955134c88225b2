// El índice empieza por arriba: el tema lo deslizaría y cortaría el nombre del curso.
sessionStorage["sidebar-scroll-top"] ??= 0;

// Un botón que copia en cada orden y en cada celda de código, donde el navegador deja copiar.
document.addEventListener("DOMContentLoaded", () => {
  if (!navigator.clipboard) return;
  for (const code of document.querySelectorAll(".cell_input pre, .highlight-bash pre")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copiar";
    button.textContent = "Copiar";
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = "Copiado";
      setTimeout(() => { button.textContent = "Copiar"; }, 2000);
    });
    code.after(button);
  }
});
