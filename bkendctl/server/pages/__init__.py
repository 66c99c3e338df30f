"""What a browser shows: pages behind mailed links, and the hosted sign-in page. Rules are the core's."""
