// Sustituye al del tema, que pesa 1.5 MB: los iconos salen de sus tipos de letra.
